package mls

import (
	"fmt"
	"math/bits"
	"testing"
)

// crowd is a group of n leaves, of which some are members here: they made the paths that keep commits short.
type crowd struct {
	members []*goParty // the first is the creator
	welcome []byte     // for the last that was added
	last    *Joiner
}

// newCrowd makes a group of n whose tree is warm: warm spread leaves commit with a path. With none the tree is blank.
func newCrowd(b *testing.B, n, warm int) *crowd {
	b.Helper()
	fatal := func(err error) {
		if err != nil {
			b.Helper()
			b.Fatal(err)
		}
	}
	c := &crowd{members: []*goParty{newGoParty("crowd 0")}}
	_, err := c.members[0].create([]byte("crowd"), nil)
	fatal(err)
	spread := map[int]bool{}
	depth := bits.Len(uint(n - 1))
	for i := 0; len(spread) < warm; i++ {
		if leaf := int(bits.Reverse32(uint32(i)) >> (32 - depth)); leaf > 0 && leaf < n {
			spread[leaf] = true
		}
	}
	for at := 1; at < n; {
		var parties []*goParty
		var adds [][]byte
		for at+len(parties) < n && len(parties) < 64 {
			parties = append(parties, newGoParty(fmt.Sprintf("crowd %d", at+len(parties))))
		}
		for _, p := range parties {
			k, err := p.keyPackage()
			fatal(err)
			adds = append(adds, k)
		}
		m, err := c.members[0].commit(change{adds: adds})
		fatal(err)
		c.follow(b, c.members[0], m)
		for i, p := range parties {
			if at+i == n-1 {
				last := *p.joiner
				last.init, last.private = append([]byte(nil), last.init...), append([]byte(nil), last.private...)
				c.last, c.welcome = &last, m.welcomes[i]
			}
			if spread[at+i] {
				_, err := p.join(m.welcomes[i])
				fatal(err)
				c.members = append(c.members, p)
			}
		}
		at += len(parties)
	}
	for _, p := range c.members[1:] {
		m, err := p.commit(change{path: true})
		fatal(err)
		c.follow(b, p, m)
	}
	return c
}

func (c *crowd) follow(b *testing.B, by *goParty, m made) {
	b.Helper()
	for _, p := range c.members {
		var err error
		if p == by {
			_, err = p.confirm()
		} else {
			_, _, err = p.process(m.commit)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCommitPath makes a commit with a path, and reports its size.
func BenchmarkCommitPath(b *testing.B) {
	for _, n := range []struct{ leaves, warm int }{{500, 16}, {500, 0}, {1000, 16}} {
		b.Run(fmt.Sprintf("leaves=%d/warm=%d", n.leaves, n.warm), func(b *testing.B) {
			c := newCrowd(b, n.leaves, n.warm)
			g := c.members[0].group
			size := 0
			for b.Loop() {
				made, err := g.Commit(CommitOptions{})
				if err != nil {
					b.Fatal(err)
				}
				size = len(made.Message)
			}
			b.ReportMetric(float64(size), "B/commit")
			b.ReportMetric(float64(g.LongestCopath()), "longest-copath")
		})
	}
}

// BenchmarkProcessPath processes such a commit.
func BenchmarkProcessPath(b *testing.B) {
	for _, n := range []struct{ leaves, warm int }{{500, 16}, {500, 1}, {1000, 16}} {
		b.Run(fmt.Sprintf("leaves=%d/warm=%d", n.leaves, n.warm), func(b *testing.B) {
			c := newCrowd(b, n.leaves, n.warm)
			m, err := c.members[0].commit(change{path: true})
			if err != nil {
				b.Fatal(err)
			}
			g := c.members[1].group
			for b.Loop() {
				if _, _, err := g.Process(m.commit, Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkAdd64 makes, and processes, a commit that adds 64 to 500 without a path.
func BenchmarkAdd64(b *testing.B) {
	c := newCrowd(b, 500, 16)
	var adds []*KeyPackage
	for i := range 64 {
		p := newGoParty(fmt.Sprintf("added %d", i))
		if _, err := p.keyPackage(); err != nil {
			b.Fatal(err)
		}
		adds = append(adds, p.joiner.KeyPackage)
	}
	o := CommitOptions{Adds: adds, NoPath: true}
	var made *Commit
	b.Run("commit", func(b *testing.B) {
		for b.Loop() {
			var err error
			if made, err = c.members[0].group.Commit(o); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(made.Message)), "B/commit")
		b.ReportMetric(float64(len(made.Welcome.GroupInfo)), "B/GroupInfo")
	})
	b.Run("process", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := c.members[1].group.Process(made.Message, Options{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkJoin enters a group by a Welcome that holds the tree.
func BenchmarkJoin(b *testing.B) {
	for _, n := range []int{500, 1000} {
		b.Run(fmt.Sprintf("leaves=%d", n), func(b *testing.B) {
			c := newCrowd(b, n, 0)
			for b.Loop() {
				j := *c.last
				j.init, j.private = append([]byte(nil), j.init...), append([]byte(nil), j.private...)
				if _, err := Join(&j, c.welcome, nil, nil); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(c.welcome)), "B/Welcome")
		})
	}
}

// BenchmarkApplication seals and opens a message of 100 bytes.
func BenchmarkApplication(b *testing.B) {
	c := newCrowd(b, 50, 1)
	data := make([]byte, 100)
	for b.Loop() {
		m, err := c.members[0].group.Seal(data, nil, 256)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := c.members[1].group.Open(m); err != nil {
			b.Fatal(err)
		}
	}
}
