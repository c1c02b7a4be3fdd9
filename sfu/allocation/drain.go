package allocation

// A long queue: what is let through until it is gone.

// thin says what of the decisions may pass now. While a queue drains, those of least importance give way first, and
// temporal layers, which come back without a key frame, before whole pictures.
func (a *Allocator) thin(in *Input, first int64) {
	for i := range a.result {
		a.result[i].Pass = a.result[i].Send.Temporal
	}
	if in.Drain <= 0 {
		return
	}
	over := first + a.sent() - in.Drain
	for i := len(a.result) - 1; i >= 0 && over > 0; i-- {
		if d := &a.result[i]; d.Pass > 0 {
			over -= d.Rate - clamp(in.Sources[i].Layers[d.Send.Layer].Rates[0])
			d.Pass = 0
		}
	}
	for i := len(a.result) - 1; i >= 0 && over > 0; i-- {
		if d := &a.result[i]; d.Pass == 0 {
			over -= clamp(in.Sources[i].Layers[d.Send.Layer].Rates[0])
			d.Pass = -1
		}
	}
}
