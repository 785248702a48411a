-- Stores one tap and nothing else: the caller decided; here stand idempotence and the one use of a code.
-- Answers 'stored', 'repeated' (same terminal, sequence and content) or 'conflict' (same terminal and sequence, other content),
-- with the outcome that stands. v1 keeps working while gateways still call it.
-- A code is taken before the tap is inserted, because what hears of accepted taps hears of them at insertion; when the tap
-- turns out to be there already, the code it took goes back, so that a conflict uses up nobody's code.
create or replace function acceptance_store_tap_v1(
    p_terminal_id text, p_sequence bigint, p_digest bytea, p_card_id bigint, p_kind text, p_station text, p_at timestamptz,
    p_received_at timestamptz, p_outcome text, p_reason text, p_device_serial bytea, p_nonce bytea,
    out status text, out outcome text, out reason text
) language plpgsql as $$
#variable_conflict use_variable
declare
    v_known acceptance_tap%rowtype;
    v_took_code boolean := false;
begin
    outcome := p_outcome;
    reason := p_reason;
    select * into v_known from acceptance_tap t where t.terminal_id = p_terminal_id and t.sequence = p_sequence;
    if not found then
        if p_outcome = 'accepted' and p_nonce is not null then
            insert into acceptance_code_use (card_id, device_serial, nonce, terminal_id, sequence, at)
                values (p_card_id, p_device_serial, p_nonce, p_terminal_id, p_sequence, p_at)
                on conflict do nothing;
            v_took_code := found;
            if not v_took_code and not exists (
                select from acceptance_code_use u
                where u.card_id = p_card_id and u.device_serial = p_device_serial and u.nonce = p_nonce
                    and u.terminal_id = p_terminal_id and u.sequence = p_sequence
            ) then
                outcome := 'refused';
                reason := 'code_replayed';
            end if;
        end if;
        insert into acceptance_tap (terminal_id, sequence, digest, card_id, kind, station, at, received_at, outcome, reason)
            values (p_terminal_id, p_sequence, p_digest, p_card_id, p_kind, p_station, p_at, p_received_at, outcome, reason)
            on conflict (terminal_id, sequence) do nothing;
        if found then
            status := 'stored';
            return;
        end if;
        if v_took_code then
            delete from acceptance_code_use u
                where u.card_id = p_card_id and u.device_serial = p_device_serial and u.nonce = p_nonce;
        end if;
        select * into v_known from acceptance_tap t where t.terminal_id = p_terminal_id and t.sequence = p_sequence;
    end if;
    outcome := v_known.outcome;
    reason := v_known.reason;
    status := case when v_known.digest = p_digest then 'repeated' else 'conflict' end;
end $$;
