// What e2e/bench adds to the program to look inside it; a release has none of it.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"runtime/pprof"
	"strings"
	"sync"
	"syscall"
	"time"
)

func init() {
	mux := http.NewServeMux()
	mux.HandleFunc("/", counts)
	if dir := os.Getenv("BENCH_PROFILE"); dir != "" {
		profile(filepath.Join(dir, fmt.Sprint(os.Getpid())), mux)
	}
	if path := os.Getenv("BENCH_PROBE"); path != "" {
		os.Remove(path) // of the run before
		listener, err := net.Listen("unix", path)
		if err != nil {
			panic(err)
		}
		go http.Serve(listener, mux)
	}
}

// counts answers with what the runtime has counted so far.
func counts(w http.ResponseWriter, _ *http.Request) {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	json.NewEncoder(w).Encode(map[string]uint64{
		"mallocs": memory.Mallocs, "allocated": memory.TotalAlloc, "goroutines": uint64(runtime.NumGoroutine()),
	})
}

// profile writes what the processor did and what was allocated until the program is told
// to stop or somebody asks for it, and what was in memory when that was most.
func profile(path string, mux *http.ServeMux) {
	runtime.MemProfileRate = 32 << 10
	cpu, err := os.Create(path + ".cpu")
	if err != nil {
		panic(err)
	}
	pprof.StartCPUProfile(cpu)
	var most peak
	write := sync.OnceFunc(func() {
		pprof.StopCPUProfile()
		cpu.Close()
		var allocs bytes.Buffer
		pprof.Lookup("allocs").WriteTo(&allocs, 0)
		os.WriteFile(path+".allocs", allocs.Bytes(), 0o600)
		most.write(path)
	})
	mux.HandleFunc("/written", func(http.ResponseWriter, *http.Request) { write() })
	mux.HandleFunc("/forget", func(http.ResponseWriter, *http.Request) { most.forget() })
	go most.watch()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() {
		<-stop
		write()
	}()
}

// A peak is the moment at which the process had the most memory.
type peak struct {
	mu       sync.Mutex // guards all below
	resident float64
	parts    map[string]float64 // bytes
	heap     bytes.Buffer
}

func (p *peak) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.resident = 0
}

func (p *peak) watch() {
	for {
		p.look()
		time.Sleep(2 * time.Millisecond)
	}
}

// look takes a profile of the heap only with each MB more, because that needs memory as well.
func (p *peak) look() {
	p.mu.Lock()
	defer p.mu.Unlock()
	file, private := resident()
	if file+private < p.resident+1e6 {
		return
	}
	p.resident = file + private
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(heap)
	objects, stacks := float64(heap[0].Value.Uint64()), float64(heap[1].Value.Uint64())
	p.parts = map[string]float64{
		"resident": p.resident, "files": file, "objects": objects, "stacks": stacks, "rest": private - objects - stacks,
	}
	p.heap.Reset()
	pprof.Lookup("heap").WriteTo(&p.heap, 0)
}

func (p *peak) write(path string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	text, _ := json.Marshal(p.parts)
	os.WriteFile(path+".memory", text, 0o600)
	os.WriteFile(path+".heap", p.heap.Bytes(), 0o600)
}

// resident is what of the process is in memory: pages of files, and its own.
func resident() (file, private float64) {
	text, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(text)) {
		var kibibytes float64
		if n, _ := fmt.Sscanf(line, "RssFile: %f kB", &kibibytes); n == 1 {
			file = kibibytes * 1024
		}
		if n, _ := fmt.Sscanf(line, "RssAnon: %f kB", &kibibytes); n == 1 {
			private = kibibytes * 1024
		}
	}
	return file, private
}
