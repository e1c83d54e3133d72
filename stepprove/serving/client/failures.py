"""The reasons why a model gave no answer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx2

from stepprove.serving.client.budget import Account, BudgetSpent

__all__ = ["ModelFailure", "ModelRefused", "ModelUnreachable", "failures"]


class ModelFailure(Exception):
    """The model did not answer; the message is one sentence without secrets."""


class ModelUnreachable(ModelFailure):
    """The server is unreachable, times out, or keeps answering with server errors."""


class ModelRefused(ModelFailure):
    """The server refuses the request: a wrong key, an unknown model, a prompt that is too long."""


@contextmanager
def failures(url: str, account: Account) -> Iterator[None]:
    """Turn exceptions of the `openai` package into ModelFailure or BudgetSpent."""
    import openai

    try:
        yield
    except (openai.APITimeoutError, TimeoutError):
        if account.seconds_left <= 0:
            raise BudgetSpent(f"the budget of {account.budget.seconds:g} seconds is spent") from None
        raise ModelUnreachable(f"{url} did not answer in time.") from None
    except openai.APIConnectionError as error:
        raise ModelUnreachable(f"{url} cannot be reached ({error.__cause__ or error}).") from None
    except (openai.RateLimitError, openai.InternalServerError) as error:
        raise ModelUnreachable(f"{url} answered {error.status_code} again and again.") from None
    except openai.APIStatusError as error:
        words = _words_of(error.body) or error.message
        raise ModelRefused(f"{url} refused the request ({error.status_code}: {words[:300]}).") from None
    except (openai.OpenAIError, httpx2.HTTPError, json.JSONDecodeError) as error:
        raise ModelUnreachable(f"{url} answered with what is no answer ({str(error)[:200]}).") from None


def _words_of(body: object) -> str:
    """The reason in an error body: `message` of OpenAI and vLLM, `detail` of FastAPI, or the whole body."""
    if not isinstance(body, Mapping):
        return str(body or "")
    reason = body.get("message") or body.get("detail") or body
    return reason if isinstance(reason, str) else json.dumps(reason)
