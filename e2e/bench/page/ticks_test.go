package page

import (
	"math"

	"gonum.org/v1/plot"
)

// plain marks about eight places, in figures as people write them.
type plain struct{}

// Ticks is plot.Ticker.
func (plain) Ticks(low, high float64) (ticks []plot.Tick) {
	step := math.Pow(10, math.Floor(math.Log10((high-low)/4)))
	for _, times := range []float64{5, 2} {
		if (high-low)/(step*times) >= 4 {
			step *= times
			break
		}
	}
	for n := math.Ceil(low / step); n*step <= high*1.0001; n++ {
		ticks = append(ticks, plot.Tick{Value: n * step, Label: number(math.Round(n*step*1000) / 1000)})
	}
	return ticks
}

// tens marks powers of ten, in figures as people write them.
type tens struct{}

// Ticks is plot.Ticker.
func (tens) Ticks(low, high float64) (ticks []plot.Tick) {
	for power := math.Floor(math.Log10(low)); power <= math.Ceil(math.Log10(high)); power++ {
		for n := 1.0; n < 10; n++ {
			tick := plot.Tick{Value: n * math.Pow(10, power)}
			if n == 1 {
				tick.Label = number(math.Round(tick.Value*1000) / 1000)
			}
			if tick.Value >= low*0.999 && tick.Value <= high*1.001 {
				ticks = append(ticks, tick)
			}
		}
	}
	return ticks
}
