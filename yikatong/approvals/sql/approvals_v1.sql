-- What was asked for stays as it was asked for, and what was decided stays decided.
create function approvals_refuse_change() returns trigger language plpgsql as $$
begin
    if (old.act, old.subject, old.parameters_digest, old.requested_by_id, old.requested_at, old.expires_at)
        is distinct from
       (new.act, new.subject, new.parameters_digest, new.requested_by_id, new.requested_at, new.expires_at) then
        raise exception 'request % cannot be changed, only decided', old.request_id;
    end if;
    if old.state <> 'waiting'
        and (old.state, old.decided_by_id, old.decided_at) is distinct from (new.state, new.decided_by_id, new.decided_at)
    then
        raise exception 'request % is decided already', old.request_id;
    end if;
    return new;
end $$;
create trigger approvals_unchanged before update on approvals_request
    for each row execute function approvals_refuse_change();
