-- Numbers the deny list in the order of commits. A number drawn when a row is written would not do: a transaction that drew the
-- lower number may commit last, and a gateway that has served the higher one would never notice it.
-- The lock is taken at commit and held until it is over, so writers wait for each other only that long.
create sequence acceptance_deny_list_version;

create function acceptance_number_deny_change_v1() returns trigger language plpgsql as $$
begin
    perform pg_advisory_xact_lock(hashtextextended('acceptance_deny_list_version', 0));
    update acceptance_deny_entry set listed_version = nextval('acceptance_deny_list_version')
        where entry_id = new.entry_id;
    return null;
end $$;

create constraint trigger acceptance_number_deny_change
    after insert or update of lifted_at on acceptance_deny_entry
    deferrable initially deferred for each row
    execute function acceptance_number_deny_change_v1();
