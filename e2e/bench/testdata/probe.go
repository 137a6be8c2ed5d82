// What e2e/bench adds to the program to look inside it; a release has none of it.
package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"syscall"
)

func init() {
	if path := os.Getenv("BENCH_PROBE"); path != "" {
		listener, err := net.Listen("unix", path)
		if err != nil {
			panic(err)
		}
		go http.Serve(listener, http.HandlerFunc(counts))
	}
	if dir := os.Getenv("BENCH_PROFILE"); dir != "" {
		profile(filepath.Join(dir, fmt.Sprint(os.Getpid())))
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

// profile writes what the processor did until the program is told to stop, and what was
// allocated.
func profile(path string) {
	cpu, err := os.Create(path + ".cpu")
	if err != nil {
		panic(err)
	}
	pprof.StartCPUProfile(cpu)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() {
		<-stop
		pprof.StopCPUProfile()
		cpu.Close()
		heap, err := os.Create(path + ".allocs")
		if err != nil {
			panic(err)
		}
		pprof.Lookup("allocs").WriteTo(heap, 0)
		heap.Close()
	}()
}
