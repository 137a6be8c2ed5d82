package mqttapi

// Info is the retained document on gphotos/bridge/info: what runs here, and with which settings.
type Info struct {
	Version  string            `json:"version"`
	Started  Time              `json:"started"`
	Entries  []string          `json:"entries"`
	Settings map[string]string `json:"settings"` // by variable; secrets are left out, not masked
	Limits   Limits            `json:"limits"`
}

// Limits are the limits that a publisher has to keep to.
type Limits struct {
	Files       int   `json:"files"`       // of one command
	Photo       int64 `json:"photo"`       // bytes
	Video       int64 `json:"video"`       // bytes
	Publish     int   `json:"publish"`     // bytes, of what the bridge publishes
	SpoolCopy   int64 `json:"spool_copy"`  // bytes; a larger file is read where it is
	SpoolMax    int64 `json:"spool_max"`   // bytes
	Name        int   `json:"name"`        // characters
	Description int   `json:"description"` // characters
	Transaction int   `json:"transaction"` // bytes
}

// Health is the retained document on gphotos/bridge/health, once a minute, for monitoring.
type Health struct {
	Time        Time                  `json:"time"`
	Uptime      int64                 `json:"uptime"`     // seconds
	Memory      int64                 `json:"memory"`     // bytes that the process has from the system
	Goroutines  int                   `json:"goroutines"` // of the Go runtime
	Connections map[string]Connection `json:"connections"`
	Counters    map[string]int64      `json:"counters"` // since the start, by what is counted
}

// Connection is how one entry is connected to the broker.
type Connection struct {
	Connected  bool   `json:"connected"`
	Since      Time   `json:"since"`      // of the connection, or of its loss
	Reconnects int64  `json:"reconnects"` // since the start
	Problem    string `json:"problem"`    // one sentence; "" without one
}

// LogLine is the message on gphotos/bridge/log: a warning or an error, never a secret.
type LogLine struct {
	Level   string `json:"level"` // warning or error
	Message string `json:"message"`
	Entry   string `json:"entry,omitempty"`
	Job     string `json:"job,omitempty"`
	Time    Time   `json:"time"`
}

// Encode writes the document.
func (i Info) Encode() ([]byte, error) { return encode(i) }

// Encode writes the document.
func (h Health) Encode() ([]byte, error) { return encode(h) }

// Encode writes the message.
func (l LogLine) Encode() ([]byte, error) { return encode(l) }
