package e2e_test

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"
)

func (e *env) pub(ts *testscript.TestScript, args []string) { e.publish(ts, "-m", args) }

func (e *env) pubFile(ts *testscript.TestScript, args []string) { e.publish(ts, "-f", args) }

// publish runs mosquitto_pub, which ends when the broker has the message.
func (e *env) publish(ts *testscript.TestScript, flag string, args []string) {
	if len(args) < 2 {
		ts.Fatalf("the arguments are TOPIC and what to publish")
	}
	command := append([]string{"-h", "127.0.0.1", "-p", ts.Getenv("MQTT_PORT"), "-q", "1"}, args[2:]...)
	command = append(command, "-t", fullTopic(args[0]))
	if args[1] == "" {
		command = append(command, "-n")
	} else {
		command = append(command, flag, args[1])
	}
	ts.Check(ts.Exec("mosquitto_pub", command...))
}

// photo draws a JPEG of stripes that differ with its number, and fills it up with
// bytes that decoders skip.
func (e *env) photo(ts *testscript.TestScript, args []string) {
	if len(args) == 0 || len(args) > 2 {
		ts.Fatalf("the arguments are FILE [KILOBYTES]")
	}
	e.photos++
	img := image.NewGray(image.Rect(0, 0, 64, 48))
	for x := range 64 {
		for y := range 48 {
			img.SetGray(x, y, color.Gray{Y: uint8(x * e.photos * 7)})
		}
	}
	var file bytes.Buffer
	ts.Check(jpeg.Encode(&file, img, nil))
	if len(args) == 2 {
		kilobytes, err := strconv.Atoi(args[1])
		ts.Check(err)
		file.Write(make([]byte, max(0, kilobytes<<10-file.Len())))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), file.Bytes(), 0o644))
}

// set makes a variable of the script out of a file.
func (e *env) set(ts *testscript.TestScript, args []string) {
	name, file := two(ts, args, "VARIABLE", "FILE")
	ts.Setenv(name, ts.ReadFile(file))
}
