-- Appointments: a half-day of an outlet holds so many people and no more; a person holds at most one appointment.
-- Locks are taken in one order, so that no two calls wait for each other: first the person, then half-days sorted by outlet, day, half.
-- Whoever waits longer than p_wait_ms for a lock gets error 55P03 and may come again. v1 keeps working while callers still use it.

-- Answers 'booked', 'moved' (the person's earlier appointment ended and its place came back), 'repeated' (this appointment, or this
-- half-day, is the person's already), 'full', 'unknown' (no such half-day), 'conflict' (this number named another appointment).
create function campaign_book_v1(
    p_person_id bigint, p_appointment_id uuid, p_outlet_id text, p_day date, p_half text, p_kind text, p_actor text,
    p_at timestamptz, p_wait_ms integer
) returns text language plpgsql as $$
declare
    v_same campaign_appointment%rowtype;
    v_old campaign_appointment%rowtype;
    v_half campaign_half_day%rowtype;
begin
    perform set_config('lock_timeout', p_wait_ms::text, true);
    perform pg_advisory_xact_lock(hashtextextended('campaign appointment of ' || p_person_id, 0));
    select * into v_same from campaign_appointment a
        where a.person_id = p_person_id and a.appointment_id = p_appointment_id;
    if found then
        return case when (v_same.outlet_id, v_same.day, v_same.half) = (p_outlet_id, p_day, p_half)
            then 'repeated' else 'conflict' end;
    end if;
    select * into v_old from campaign_appointment a where a.person_id = p_person_id and a.state = 'kept';
    if found and (v_old.outlet_id, v_old.day, v_old.half) = (p_outlet_id, p_day, p_half) then
        return 'repeated';
    end if;
    if v_old.person_id is not null then
        perform from campaign_half_day h
            where (h.outlet_id, h.day, h.half) in ((p_outlet_id, p_day, p_half), (v_old.outlet_id, v_old.day, v_old.half))
            order by h.outlet_id, h.day, h.half for update;
    end if;
    select * into v_half from campaign_half_day h where (h.outlet_id, h.day, h.half) = (p_outlet_id, p_day, p_half);
    if not found then
        return 'unknown';
    elsif v_half.taken >= v_half.capacity then
        return 'full';
    end if;
    if v_old.person_id is not null then
        perform campaign_release_v1(p_person_id, v_old.appointment_id, 'moved', p_at);
    end if;
    -- The half-day is touched last: many ask for the same one, and whoever has it keeps all others waiting until the commit.
    insert into campaign_appointment (person_id, appointment_id, outlet_id, day, half, kind, state, booked_at, changed_at)
        values (p_person_id, p_appointment_id, p_outlet_id, p_day, p_half, p_kind, 'kept', p_at, p_at);
    update campaign_half_day h set taken = taken + 1
        where (h.outlet_id, h.day, h.half) = (p_outlet_id, p_day, p_half) and h.taken < h.capacity;
    if not found then -- filled up since it was looked at; a move cannot come here, it holds the half-day
        delete from campaign_appointment a where a.person_id = p_person_id and a.appointment_id = p_appointment_id;
        return 'full';
    end if;
    insert into audit_event (at, actor, action, subject, person_id, details)
        values (p_at, p_actor, 'appointment.' || case when v_old.person_id is null then 'booked' else 'moved' end,
            'appointment:' || p_appointment_id, p_person_id,
            jsonb_build_object('outlet', p_outlet_id, 'day', p_day, 'half', p_half, 'kind', p_kind));
    return case when v_old.person_id is null then 'booked' else 'moved' end;
end $$;

-- Ends a kept appointment and gives its place back. For campaign_book_v1 and campaign_end_v1, which hold the locks.
create function campaign_release_v1(p_person_id bigint, p_appointment_id uuid, p_state text, p_at timestamptz)
returns void language sql as $$
    with ended as (
        update campaign_appointment a set state = p_state, changed_at = p_at
        where a.person_id = p_person_id and a.appointment_id = p_appointment_id and a.state = 'kept'
        returning a.outlet_id, a.day, a.half
    )
    update campaign_half_day h set taken = taken - 1 from ended e
    where (h.outlet_id, h.day, h.half) = (e.outlet_id, e.day, e.half);
$$;

-- Ends a person's appointment as 'cancelled' or 'no_show'. Answers that state, 'repeated' when it had ended so already,
-- 'ended' when it ended in another way, 'unknown' when there is none.
create function campaign_end_v1(
    p_person_id bigint, p_appointment_id uuid, p_state text, p_actor text, p_at timestamptz, p_wait_ms integer
) returns text language plpgsql as $$
declare
    v_state text;
begin
    perform set_config('lock_timeout', p_wait_ms::text, true);
    perform pg_advisory_xact_lock(hashtextextended('campaign appointment of ' || p_person_id, 0));
    select a.state into v_state from campaign_appointment a
        where a.person_id = p_person_id and a.appointment_id = p_appointment_id;
    if not found then
        return 'unknown';
    elsif v_state <> 'kept' then
        return case when v_state = p_state then 'repeated' else 'ended' end;
    end if;
    perform campaign_release_v1(p_person_id, p_appointment_id, p_state, p_at);
    insert into audit_event (at, actor, action, subject, person_id, details)
        values (p_at, p_actor, 'appointment.' || p_state, 'appointment:' || p_appointment_id, p_person_id, '{}');
    return p_state;
end $$;
