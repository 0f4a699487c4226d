// Usage: go run . <order>. See ../README.md for the environment.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/rand"
	"net/http"
	"os"
	"strconv"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: go run . <order>")
	}
	order := os.Args[1]

	// 1. A CloudEvent; the library makes the request of it (binary mode: attributes as headers, data as the body).
	event := cloudevents.NewEvent()
	event.SetID("order-" + order + "-paid")
	event.SetSource("/shop")
	event.SetType("order.paid")
	event.SetSubject(order)
	must(event.SetData(cloudevents.ApplicationJSON, map[string]string{"order": order, "total": "12.50", "currency": "EUR"}))
	post("/v1/events", func() *http.Request {
		request, err := cehttp.NewHTTPRequestFromEvent(context.Background(), url()+"/v1/events", event)
		must(err)
		request.Header.Set("authorization", "Bearer "+os.Getenv("VISAPI_API_KEY"))
		return request
	})

	// 2. A webhook after Standard Webhooks.
	secret := os.Getenv("WEBHOOK_SECRET")
	if secret == "" {
		return
	}
	webhook, err := standardwebhooks.NewWebhook(secret)
	must(err)
	id, now := "msg_order_"+order+"_shipped", time.Now()
	payload, err := json.Marshal(map[string]any{"type": "order.shipped", "timestamp": now.UTC(), "data": map[string]string{"order": order}})
	must(err)
	signature, err := webhook.Sign(id, now, payload)
	must(err)
	path := "/hooks/" + getenv("WEBHOOK_SOURCE", "partner")
	post(path, func() *http.Request {
		request, err := http.NewRequest(http.MethodPost, url()+path, bytes.NewReader(payload))
		must(err)
		request.Header.Set("content-type", "application/json")
		request.Header.Set("webhook-id", id)
		request.Header.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
		request.Header.Set("webhook-signature", signature)
		return request
	})
}

// post sends until there is an answer that another try would not change; with the same id that is safe.
func post(path string, newRequest func() *http.Request) {
	client := http.Client{Timeout: 10 * time.Second}
	for attempt := 1; attempt <= 5; attempt++ {
		seconds := 1 << attempt
		if response, err := client.Do(newRequest()); err != nil {
			log.Print(err)
		} else {
			body, _ := io.ReadAll(response.Body)
			response.Body.Close()
			if response.StatusCode != http.StatusTooManyRequests && response.StatusCode < 500 {
				fmt.Println(string(body))
				if response.StatusCode >= 300 {
					os.Exit(1)
				}
				return
			}
			if after, err := strconv.Atoi(response.Header.Get("retry-after")); err == nil {
				seconds = after
			}
		}
		time.Sleep(time.Duration(float64(seconds) * (0.5 + rand.Float64()/2) * float64(time.Second)))
	}
	log.Fatalf("%s: no answer after five tries", path)
}

func url() string { return getenv("VISAPI_URL", "http://127.0.0.1:27080") }

func getenv(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
