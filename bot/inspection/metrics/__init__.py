"""M1 to M6, the funnel, and what the coordinator must see today (C29)."""
