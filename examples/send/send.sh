#!/bin/sh
# Usage: send.sh <order>. See README.md for the environment.
set -eu
order=${1:?usage: send.sh <order>}
url=${VISAPI_URL:-http://127.0.0.1:27080}
source=${WEBHOOK_SOURCE:-partner}

# --retry sends again what did not arrive, and 408, 429 and 5xx, and heeds Retry-After: with the same id that is safe.
post() {
  curl --silent --show-error --fail-with-body --max-time 10 --retry 5 --retry-connrefused "$@"
  echo
}

# 1. A CloudEvent in binary mode: its attributes are headers, its data is the body.
post "$url/v1/events" \
  -H "authorization: Bearer ${VISAPI_API_KEY:?expected an API key}" \
  -H 'content-type: application/json' \
  -H 'ce-specversion: 1.0' \
  -H "ce-id: order-$order-paid" \
  -H 'ce-source: /shop' \
  -H 'ce-type: order.paid' \
  -H "ce-subject: $order" \
  --data-binary "{\"order\":\"$order\",\"total\":\"12.50\",\"currency\":\"EUR\"}"

# 2. A webhook after Standard Webhooks: HMAC-SHA256 over "id.timestamp.body", the key is base64 behind whsec_.
[ -n "${WEBHOOK_SECRET:-}" ] || exit 0
id="msg_order_${order}_shipped"
timestamp=$(date +%s)
body="{\"type\":\"order.shipped\",\"timestamp\":\"$(date -u +%Y-%m-%dT%H:%M:%SZ)\",\"data\":{\"order\":\"$order\"}}"
key=$(printf %s "${WEBHOOK_SECRET#whsec_}" | openssl base64 -d -A | od -An -tx1 | tr -d ' \n')
signature=$(printf %s "$id.$timestamp.$body" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | openssl base64 -A)
post "$url/hooks/$source" \
  -H 'content-type: application/json' \
  -H "webhook-id: $id" \
  -H "webhook-timestamp: $timestamp" \
  -H "webhook-signature: v1,$signature" \
  --data-binary "$body"
