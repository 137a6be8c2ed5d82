package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"gphotos2mqtt/mqttapi"
)

// pasteMax bounds a pasted line; the bridge takes addresses of 4096 characters.
const pasteMax = 64 << 10

// next waits for a message.
func (l *linking) next(ctx context.Context) (mqtt.Message, error) {
	select {
	case m := <-l.arrived:
		return m, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// ask publishes a request, whose answer will bear this client's id.
func (l *linking) ask(ctx context.Context, verb mqttapi.Verb, request map[string]string) error {
	request["transaction"] = l.transaction()
	payload, err := json.Marshal(request)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, healthLimit)
	defer cancel()
	if err := wait(ctx, l.client.Publish(l.topics.Request(verb), 1, false, payload)); err != nil {
		return fmt.Errorf("publish to %s: %w", l.topics.Request(verb), err)
	}
	return nil
}

// answer reads the answer to a request of ours; other people's are not mine.
func (l *linking) answer(m mqtt.Message, verb mqttapi.Verb, data any) (mine bool, err error) {
	var response struct {
		Data        json.RawMessage
		Error       *mqttapi.Error
		Transaction string
	}
	if m.Topic() != l.topics.Response(verb) {
		return false, nil
	}
	if err := json.Unmarshal(m.Payload(), &response); err != nil || response.Transaction != l.transaction() {
		return false, nil //nolint:nilerr // somebody else's transaction is any JSON
	}
	if response.Error != nil {
		return true, response.Error
	}
	return true, json.Unmarshal(response.Data, data)
}

func (l *linking) transaction() string {
	options := l.client.OptionsReader()
	return options.ClientID()
}

func readLink(m mqtt.Message) mqttapi.LinkState {
	var state mqttapi.State
	_ = json.Unmarshal(m.Payload(), &state) // a document of an older bridge tells nothing
	return state.Link
}

// lines gives what the person types. Nothing can interrupt reading a terminal, so
// its goroutine ends with the input, or with the process.
func lines(ctx context.Context, stdin io.Reader) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		for scan := bufio.NewScanner(io.LimitReader(stdin, pasteMax)); scan.Scan(); {
			if line := strings.TrimSpace(scan.Text()); line != "" {
				select {
				case lines <- line:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return lines
}
