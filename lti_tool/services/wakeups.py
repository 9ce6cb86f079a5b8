"""The names of the background tasks, for whoever wakes one: ``services.queue.wake(NAME, row_id)``."""

READ_COURSE = "read_course"
EVALUATE_COURSE = "evaluate_course"
ISSUE_CREDENTIAL = "issue_credential"
DELIVER_CREDENTIAL = "deliver_credential"
SEAL_AUDIT = "seal_audit"
