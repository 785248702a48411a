-- Whom helpers call on, street by street, without reading the whole register: few need a visit or have no phone.
create index outreach_candidates on registry_person (community_code varchar_pattern_ops)
where needs_home_visit or phone_index is null;
