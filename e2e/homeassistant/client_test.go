package homeassistant_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"gphotos2mqtt/e2e/e2etest"
)

// origin is where Home Assistant listens when it is not told otherwise.
const origin = "http://127.0.0.1:8123"

// A client speaks to Home Assistant's APIs as its owner.
// Source: https://developers.home-assistant.io/docs/api/rest, https://developers.home-assistant.io/docs/api/websocket
type client struct {
	t              testing.TB
	token, refresh string // of half an hour, and to have another
}

// fields are a JSON object.
type fields = map[string]any

// try makes a request and returns the status and the body.
func (c *client) try(method, path string, body any) (int, []byte) {
	c.t.Helper()
	var content io.Reader = http.NoBody
	kind := "application/json"
	switch b := body.(type) {
	case nil:
	case url.Values:
		content, kind = bytes.NewBufferString(b.Encode()), "application/x-www-form-urlencoded"
	default:
		text, err := json.Marshal(b)
		e2etest.Must(c.t, err)
		content = bytes.NewReader(text)
	}
	req, err := http.NewRequest(method, origin+path, content)
	e2etest.Must(c.t, err)
	req.Header.Set("Content-Type", kind)
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, []byte(err.Error())
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	e2etest.Must(c.t, err)
	return res.StatusCode, text
}

// call makes a request that has to work, and reads the answer.
func (c *client) call(method, path string, body, into any) {
	c.t.Helper()
	status, text := c.try(method, path, body)
	if status != http.StatusOK && status != http.StatusCreated {
		c.t.Fatalf("%s %s: %d %.2000s", method, path, status, text)
	}
	if into != nil {
		e2etest.Must(c.t, json.Unmarshal(text, into))
	}
}

// ask sends one command over a websocket and reads its result.
func (c *client) ask(kind string, with fields, into any) {
	c.t.Helper()
	if problem := c.tryAsk(kind, with, into); problem != "" {
		c.t.Fatalf("%s: %s", kind, problem)
	}
}

// tryAsk is ask; it returns what Home Assistant has against the command.
func (c *client) tryAsk(kind string, with fields, into any) (problem string) {
	c.t.Helper()
	conn, res, err := websocket.DefaultDialer.Dial("ws"+origin[len("http"):]+"/api/websocket", nil)
	e2etest.Must(c.t, err)
	defer conn.Close()
	defer res.Body.Close()
	e2etest.Must(c.t, conn.SetReadDeadline(time.Now().Add(e2etest.Patience)))
	command := fields{"id": 1, "type": kind}
	maps.Copy(command, with)
	for {
		var answer struct {
			Type    string
			Success bool
			Result  json.RawMessage
			Error   struct{ Code, Message string }
		}
		e2etest.Must(c.t, conn.ReadJSON(&answer))
		switch answer.Type {
		case "auth_required":
			e2etest.Must(c.t, conn.WriteJSON(fields{"type": "auth", "access_token": c.token}))
		case "auth_ok":
			e2etest.Must(c.t, conn.WriteJSON(command))
		case "result":
			if !answer.Success {
				return answer.Error.Code + ": " + answer.Error.Message
			}
			if into != nil {
				e2etest.Must(c.t, json.Unmarshal(answer.Result, into))
			}
			return ""
		default:
			return answer.Type
		}
	}
}

// An entity is what Home Assistant shows of it.
type entity struct {
	ID         string `json:"entity_id"`
	State      string
	Attributes fields
	Changed    string `json:"last_changed"`
}

// state is an entity as it is now; its State is empty when there is none of this id.
func (c *client) state(id string) (e entity) {
	c.t.Helper()
	status, text := c.try(http.MethodGet, "/api/states/"+id, nil)
	if status == http.StatusOK {
		e2etest.Must(c.t, json.Unmarshal(text, &e))
	}
	return e
}

// until waits until an entity is as it should be, and returns it.
func (c *client) until(id, what string, match func(e entity) bool) (e entity) {
	c.t.Helper()
	defer func() {
		if c.t.Failed() {
			c.t.Logf("%s is %+v", id, e)
		}
	}()
	e2etest.Until(c.t, id+" to be "+what, func() bool {
		e = c.state(id)
		return e.State != "" && match(e)
	})
	return e
}

// becomes waits until an entity has a state.
func (c *client) becomes(id, state string) entity {
	c.t.Helper()
	return c.until(id, state, func(e entity) bool { return e.State == state })
}

// act calls an action, such as "button.press".
func (c *client) act(domain, action string, data fields) {
	c.t.Helper()
	c.call(http.MethodPost, "/api/services/"+domain+"/"+action, data, nil)
}

// press presses a button of the entry.
func (c *client) press(button string) {
	c.t.Helper()
	c.act("button", "press", fields{"entity_id": "button.gphotos_home_" + button})
}

// send sends text to a notify entity of the entry.
func (c *client) send(entity, message string) {
	c.t.Helper()
	c.act("notify", "send_message", fields{"entity_id": "notify.gphotos_home_" + entity, "message": message})
}

// flow goes through a configuration's steps, each an answer to the form before, and
// returns the entry's id. Of an answer is sent what the form asks for.
func (c *client) flow(integration string, answers ...fields) (entry string) {
	c.t.Helper()
	type step struct {
		ID     string `json:"flow_id"`
		Type   string
		Step   string                  `json:"step_id"`
		Schema []struct{ Name string } `json:"data_schema"`
		Errors map[string]string
		Result struct {
			ID    string `json:"entry_id"`
			State string
		}
	}
	const flows = "/api/config/config_entries/flow"
	var at step
	c.call(http.MethodPost, flows, fields{"handler": integration, "show_advanced_options": false}, &at)
	for _, answer := range answers {
		if at.Type != "form" {
			c.t.Fatalf("%s shows no form: %+v", integration, at)
		}
		known := fields{}
		for _, field := range at.Schema {
			if value, ok := answer[field.Name]; ok {
				known[field.Name] = value
			}
		}
		c.call(http.MethodPost, flows+"/"+at.ID, known, &at)
	}
	if at.Type != "create_entry" {
		c.t.Fatalf("%s is not set up: %+v", integration, at)
	}
	return at.Result.ID
}

// loaded waits until an entry of the configuration is loaded.
func (c *client) loaded(integration string) {
	c.t.Helper()
	var entries []struct{ State, Reason string }
	e2etest.Until(c.t, integration+" to be loaded", func() bool {
		c.call(http.MethodGet, "/api/config/config_entries/entry?domain="+integration, nil, &entries)
		return len(entries) == 1 && entries[0].State == "loaded"
	})
}

// render renders a template.
func (c *client) render(template string) string {
	c.t.Helper()
	status, text := c.try(http.MethodPost, "/api/template", fields{"template": template})
	if status != http.StatusOK {
		c.t.Fatalf("template: %d %s", status, text)
	}
	return string(text)
}

// complaints are what its log has of warnings and errors that name one of the words.
func (c *client) complaints(words ...string) (found []string) {
	c.t.Helper()
	var entries []struct {
		Name, Level string
		Message     []string
		Exception   string
	}
	c.ask("system_log/list", nil, &entries)
	for _, e := range entries {
		text := fmt.Sprint(e.Level, " ", e.Name, ": ", e.Message, " ", e.Exception)
		for _, word := range words {
			if bytes.Contains([]byte(text), []byte(word)) {
				found = append(found, text)
				break
			}
		}
	}
	return found
}
