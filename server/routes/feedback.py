"""POST /v1/flyball/feedback."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from ...core.errors import TraceNotFound
from ..service import Service
from ..traces.records import Feedback
from ..wire.feedback import FeedbackRequest, FeedbackStored
from .chat import api_key_of
from .documented import FEEDBACK_RESPONSES

router = APIRouter()


@router.post("/v1/flyball/feedback", responses=FEEDBACK_RESPONSES, response_class=Response)
async def give_feedback(body: FeedbackRequest, request: Request) -> Response:
    """Rate an answer that this client got. Saying it twice is saying it once; the last word of each `by` counts."""
    service: Service = request.app.state.service
    if service.traces is None:
        raise TraceNotFound(body.trace_id)
    given = Feedback(by=body.by, score=body.score, label=body.label, comment=body.comment, created=datetime.now(UTC))
    await service.traces.rate(body.trace_id, api_key_of(request, service), given)
    return Response(msgspec.json.encode(FeedbackStored(body.trace_id, body.by)), media_type="application/json")
