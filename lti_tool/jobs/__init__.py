"""Background work: named tasks that take ids, on Celery."""
