-- What was shown on a day, and what became of the applications of that day, by bank, district, group and channel.
-- An application is found by bank and state, which an index of applications_application begins with, so that no day reads them all.
-- Every join is by person_id, the distribution column of all tables read.
insert into supervision_daily_figure (
    day, bank_code, district_code, category, channel,
    shown, position_sum, shown_first, chosen, withdrawn, made, completed
)
select %(day)s, bank_code, district_code, category, channel,
    sum(shown), sum(position_sum), sum(shown_first), sum(chosen), sum(withdrawn), sum(made), sum(completed)
from (
    select listed.bank_code, left(p.community_code, 6) as district_code, p.category, o.channel,
        count(*) as shown, sum(listed.position) as position_sum, count(*) filter (where listed.position = 1) as shown_first,
        0 as chosen, 0 as withdrawn, 0 as made, 0 as completed
    from supervision_bank_offer o
    join registry_person p on p.person_id = o.person_id
    cross join lateral unnest(o.bank_codes) with ordinality as listed (bank_code, position)
    where o.day = %(day)s
    group by 1, 2, 3, 4
    union all
    select a.bank_code, left(p.community_code, 6), p.category, a.channel,
        0, 0, 0,
        count(*), count(*) filter (where a.state in ('cancelled', 'rejected')), count(r.made_at),
        count(*) filter (where a.state = 'collected')
    from applications_application a
    join registry_person p on p.person_id = a.person_id
    left join issuance_production_order r on r.person_id = a.person_id and r.order_id = a.application_id
    where a.bank_code = any (%(banks)s) and a.state = any (%(states)s)
        and a.submitted_at >= %(start)s and a.submitted_at < %(end)s
    group by 1, 2, 3, 4
) as counted
group by 2, 3, 4, 5
