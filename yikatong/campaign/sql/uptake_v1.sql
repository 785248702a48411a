-- What came of a campaign's invitations, counted anew: of those sent in a week, by district and group, how many applied after how
-- many weeks. lag -1: all who were invited. Weeks are Beijing's, from Monday. v1 keeps working while callers still use it.
create function campaign_count_uptake_v1(p_campaign_id text) returns bigint language plpgsql as $$
declare
    v_cells bigint;
begin
    delete from campaign_uptake_cell u where u.campaign_id = p_campaign_id;
    with invited as (
        select i.person_id, i.state_since as sent_at, substr(p.community_code, 1, 6) as district_code, p.category,
            date_trunc('week', i.state_since at time zone 'Asia/Shanghai')::date as sent_week
        from campaign_invitation i join registry_person p using (person_id)
        where i.campaign_id = p_campaign_id and i.state = 'sent' and i.way <> 'unit'
    ), applied as (
        select n.*, (select min(a.submitted_at) from applications_application a
                     where a.person_id = n.person_id and a.submitted_at >= n.sent_at
                       and a.state not in ('rejected', 'cancelled')) as applied_at
        from invited n
    )
    insert into campaign_uptake_cell (campaign_id, sent_week, district_code, category, lag_weeks, people)
    select p_campaign_id, sent_week, district_code, category, -1, count(*) from invited group by 2, 3, 4
    union all
    select p_campaign_id, sent_week, district_code, category,
        floor(extract(epoch from applied_at - sent_at) / 604800)::integer, count(*)
    from applied where applied_at is not null group by 2, 3, 4, 5;
    get diagnostics v_cells = row_count;
    return v_cells;
end $$;
