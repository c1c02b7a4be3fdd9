package group

import (
	"slices"

	"conclave/e2ee/mls"
)

// maxVersions is how many versions of the secret of the link a joiner tries: passwords may have changed so often.
const maxVersions = 8

// shared is what sessions with one Root need not each work out.
type shared struct{ mls mls.Shared }

func newShared() *shared { return &shared{} }

// publicOf reads what a state of the group shows.
func (r *Root) publicOf(g *mls.Group) (*public, error) {
	context := g.ContextHash()
	return mls.Once(&r.shared.mls, "public", func() (*public, error) {
		p, err := newPublic(g, g.Size())
		if err != nil {
			return nil, err
		}
		p.sums, p.stale = g.CopathSums(), g.StalePaths()
		p.longest = slices.Max(p.sums)
		return p, nil
	}, context[:])
}

// vouched says what a joiner thinks of a state.
func (r *Root) vouched(g *mls.Group, p *public) error {
	context := g.ContextHash()
	_, err := mls.Once(&r.shared.mls, "vouched", func() (struct{}, error) { return struct{}{}, p.vouched() }, context[:])
	return err
}

// judge says whether a commit counts by our rules.
func (r *Root) judge(g *mls.Group, p *public, in *mls.Incoming, list []*mls.Proposed) error {
	context := g.ContextHash()
	_, err := mls.Once(&r.shared.mls, "judge", func() (struct{}, error) {
		return struct{}{}, p.check(r, in, list)
	}, context[:], in.Hash[:])
	return err
}

// psks are the secrets of the link, by version.
func (r *Root) psks() []mls.PSK {
	list := make([]mls.PSK, maxVersions)
	for i := range list {
		v := uint32(i + 1)
		list[i] = mls.PSK{ID: pskID(v), Secret: r.psk(v)}
	}
	return list
}

func (r *Root) mlsConfig(s *Session) mls.Config {
	return mls.Config{Random: s.random, Shared: &r.shared.mls}
}
