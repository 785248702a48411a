"""Why a plan gives somebody no week, as it is stored in their slot."""

NO_ROOM, NO_WEEK_FOR_UNIT = "no_room", "unit_no_week"
NO_GUARDIAN, NOT_OPEN, NO_COMMUNITY = "no_guardian", "batch_not_open", "community_unknown"
