"""Golden plans: what the planner says of workloads that differ in every setting, kept in plans.json."""
