-- One active social function per person, and the card table agrees with it when a transaction commits.
-- issuance_social_function has one row per person, so two active cards cannot be recorded; these deferred checks keep the
-- copy on the card (read on a tap's hot path) from ever saying something else.

create sequence issuance_card_serial;

create function issuance_check_social_v1() returns trigger language plpgsql as $$
declare
    v_person bigint := new.person_id;
    v_active bigint[];
    v_card bigint;
begin
    select array_agg(card_id order by card_id) into v_active
        from issuance_card where person_id = v_person and social_state = 'active';
    select card_id into v_card from issuance_social_function where person_id = v_person;
    if coalesce(array_length(v_active, 1), 0) > 1 or v_active[1] is distinct from v_card then
        raise exception 'person %: cards with an active social function are %, recorded is %', v_person, v_active, v_card
            using errcode = 'YKS01';
    end if;
    return null;
end $$;

create function issuance_check_social_removed_v1() returns trigger language plpgsql as $$
begin
    if exists (select from issuance_card where person_id = old.person_id and social_state = 'active')
        and not exists (select from issuance_social_function where person_id = old.person_id) then
        raise exception 'person %: a card is active but no social function is recorded', old.person_id
            using errcode = 'YKS01';
    end if;
    return null;
end $$;

create constraint trigger issuance_card_social after insert or update of social_state on issuance_card
    deferrable initially deferred for each row execute function issuance_check_social_v1();
create constraint trigger issuance_social_function_card after insert or update on issuance_social_function
    deferrable initially deferred for each row execute function issuance_check_social_v1();
create constraint trigger issuance_social_function_removed after delete on issuance_social_function
    deferrable initially deferred for each row execute function issuance_check_social_removed_v1();
