package access

import "parlance/live"

// forget makes the next check under d look into the store: here at once, in other processes
// when they hear of it.
func (k *Keeper) forget(d digest) {
	k.memory.forget(d)
	k.bus.Publish(live.Event{Kind: live.Revoked, Digest: d[:]})
}

// heard is told of revocations, also of its own.
func (k *Keeper) heard(e live.Event) {
	switch {
	case e.Kind == live.Missed:
		k.memory.forgetAll()
	case len(e.Digest) == len(digest{}):
		k.memory.forget(digest(e.Digest))
	}
}
