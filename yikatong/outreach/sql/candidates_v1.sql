-- Whom helpers call on first, street by street, without reading the whole register: few need a visit.
create index outreach_need_visit on registry_person (community_code varchar_pattern_ops) where needs_home_visit;
