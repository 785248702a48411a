-- Calendar days from application to the card made and to the card collected, as counts, for the applications of a day.
insert into supervision_daily_wait (day, bank_code, district_code, category, channel, kind, days, people)
select %(day)s, a.bank_code, left(p.community_code, 6), p.category, a.channel, until.kind,
    greatest((until.at at time zone 'Asia/Shanghai')::date - (a.submitted_at at time zone 'Asia/Shanghai')::date, 0), count(*)
from applications_application a
join registry_person p on p.person_id = a.person_id
left join issuance_production_order r on r.person_id = a.person_id and r.order_id = a.application_id
cross join lateral (
    values ('made', r.made_at), ('collected', case when a.state = 'collected' then a.state_since end)
) as until (kind, at)
where a.bank_code = any (%(banks)s) and a.state = any (%(states)s)
    and a.submitted_at >= %(start)s and a.submitted_at < %(end)s
    and until.at is not null
group by 2, 3, 4, 5, 6, 7
