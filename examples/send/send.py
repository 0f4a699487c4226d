"""Usage: python send.py <order>. See README.md for the environment."""

import json
import os
import random
import sys
import time
import urllib.error
import urllib.request
from datetime import datetime, timezone

from cloudevents.core.bindings.http import to_binary_event
from cloudevents.core.v1.event import CloudEvent
from standardwebhooks import Webhook

URL = os.environ.get("VISAPI_URL", "http://127.0.0.1:27080")


def post(path: str, headers: dict[str, str], body: bytes) -> None:
    """Sends until there is an answer that another try would not change; with the same id that is safe."""
    for attempt in range(1, 6):
        request = urllib.request.Request(URL + path, data=body, headers=headers, method="POST")
        seconds = 2**attempt
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                print(response.read().decode())
                return
        except urllib.error.HTTPError as error:
            if error.code != 429 and error.code < 500:
                sys.exit(error.read().decode())
            seconds = int(error.headers.get("retry-after") or seconds)
        except OSError as error:
            print(error, file=sys.stderr)
        time.sleep(seconds * random.uniform(0.5, 1))
    sys.exit(f"{path}: no answer after five tries")


def main(order: str) -> None:
    # 1. A CloudEvent; the library makes the request of it (binary mode: attributes as headers, data as the body).
    event = CloudEvent(
        {
            "id": f"order-{order}-paid",
            "source": "/shop",
            "type": "order.paid",
            "subject": order,
            "datacontenttype": "application/json",
        },
        {"order": order, "total": "12.50", "currency": "EUR"},
    )
    message = to_binary_event(event)
    post("/v1/events", {**message.headers, "authorization": f"Bearer {os.environ['VISAPI_API_KEY']}"}, message.body)

    # 2. A webhook after Standard Webhooks.
    secret = os.environ.get("WEBHOOK_SECRET")
    if not secret:
        return
    now = datetime.now(timezone.utc)
    message_id = f"msg_order_{order}_shipped"
    payload = json.dumps({"type": "order.shipped", "timestamp": now.isoformat(), "data": {"order": order}})
    headers = {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, now, payload),
    }
    post(f"/hooks/{os.environ.get('WEBHOOK_SOURCE', 'partner')}", headers, payload.encode())


if __name__ == "__main__":
    main(sys.argv[1])
