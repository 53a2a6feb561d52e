"""委托专业机构: what a test body, auditor or adviser finds out for an inspection (C20)."""
