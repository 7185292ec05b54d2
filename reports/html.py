from .record import ReviewRecord
def render(record: ReviewRecord) -> str:
    return "stub"
