-- Appointments, second version, beside the first: an appointment can also be done, and the number of an ended one books no more.
-- Locks, waiting and campaign_release_v1 are those of appointments_v1.sql.

-- As campaign_book_v1, but answers 'ended' where this appointment was the person's and has ended since: an old page sent again
-- must not look like a booking.
create function campaign_book_v2(
    p_person_id bigint, p_appointment_id uuid, p_outlet_id text, p_day date, p_half text, p_kind text, p_actor text,
    p_at timestamptz, p_wait_ms integer
) returns text language plpgsql as $$
declare
    v_answer text := campaign_book_v1(
        p_person_id, p_appointment_id, p_outlet_id, p_day, p_half, p_kind, p_actor, p_at, p_wait_ms);
begin
    if v_answer = 'repeated' and exists (
        select from campaign_appointment a
        where a.person_id = p_person_id and a.appointment_id = p_appointment_id and a.state <> 'kept'
    ) then
        return 'ended';
    end if;
    return v_answer;
end $$;

-- As campaign_end_v1, and 'done': the person came and was served. A place that was used does not come back.
create function campaign_end_v2(
    p_person_id bigint, p_appointment_id uuid, p_state text, p_actor text, p_at timestamptz, p_wait_ms integer
) returns text language plpgsql as $$
declare
    v_state text;
begin
    if p_state <> 'done' then
        return campaign_end_v1(p_person_id, p_appointment_id, p_state, p_actor, p_at, p_wait_ms);
    end if;
    perform set_config('lock_timeout', p_wait_ms::text, true);
    perform pg_advisory_xact_lock(hashtextextended('campaign appointment of ' || p_person_id, 0));
    select a.state into v_state from campaign_appointment a
        where a.person_id = p_person_id and a.appointment_id = p_appointment_id;
    if not found then
        return 'unknown';
    elsif v_state <> 'kept' then
        return case when v_state = 'done' then 'repeated' else 'ended' end;
    end if;
    update campaign_appointment a set state = 'done', changed_at = p_at
        where a.person_id = p_person_id and a.appointment_id = p_appointment_id;
    insert into audit_event (at, actor, action, subject, person_id, details)
        values (p_at, p_actor, 'appointment.done', 'appointment:' || p_appointment_id, p_person_id, '{}');
    return 'done';
end $$;
