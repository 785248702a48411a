-- By length of the list really offered: how many lists were shown on a day, and at which position the applications of that day chose.
-- An application belongs to the last list its person saw, on its day or the day before: who opens the list shortly before midnight
-- may submit shortly after.
insert into supervision_daily_position (day, district_code, category, channel, offered, position, shown, chosen)
select %(day)s, district_code, category, channel, offered, position, sum(shown), sum(chosen)
from (
    select shown.district_code, shown.category, shown.channel, shown.offered, place.position, shown.lists as shown, 0 as chosen
    from (
        select left(p.community_code, 6) as district_code, p.category, o.channel,
            cardinality(o.bank_codes) as offered, count(*) as lists
        from supervision_bank_offer o
        join registry_person p on p.person_id = o.person_id
        where o.day = %(day)s
        group by 1, 2, 3, 4
    ) as shown
    cross join lateral generate_series(1, shown.offered) as place (position)
    union all
    select left(p.community_code, 6), p.category, a.channel, cardinality(seen.bank_codes),
        array_position(seen.bank_codes, a.bank_code), 0, count(*)
    from applications_application a
    join registry_person p on p.person_id = a.person_id
    cross join lateral (
        select o.bank_codes
        from supervision_bank_offer o
        where o.person_id = a.person_id and o.day in (%(day)s, %(day_before)s) and o.offered_at <= a.submitted_at
        order by o.day desc
        limit 1
    ) as seen
    where a.bank_code = any (%(banks)s) and a.state = any (%(states)s)
        and a.submitted_at >= %(start)s and a.submitted_at < %(end)s
        and a.bank_code = any (seen.bank_codes)
    group by 1, 2, 3, 4, 5
) as counted
group by 2, 3, 4, 5, 6
