package auth

import (
	"crypto/sha256"
	"net/http"
	"strings"
	"time"
)

// maxBearer bounds a bearer token's length.
const maxBearer = 256

// The __Host- prefix (RFC 6265bis §4.1.3.2) makes browsers refuse the cookie unless it is Secure, for all paths and
// without a Domain: neither a sub-domain nor plain HTTP can plant one.
const (
	secureSessionCookie   = "__Host-conclave"
	secureChallengeCookie = "__Host-conclave-challenge"
	secureKnownCookie     = "__Host-conclave-known"
	plainSessionCookie    = "conclave"
	plainChallengeCookie  = "conclave-challenge"
	plainKnownCookie      = "conclave-known"
)

func (s *Service) sessionCookieName() string {
	if s.cfg.Insecure {
		return plainSessionCookie
	}
	return secureSessionCookie
}

func (s *Service) challengeCookieName() string {
	if s.cfg.Insecure {
		return plainChallengeCookie
	}
	return secureChallengeCookie
}

func (s *Service) knownCookieName() string {
	if s.cfg.Insecure {
		return plainKnownCookie
	}
	return secureKnownCookie
}

// cookie makes a cookie that scripts cannot read and that lives for life; zero life deletes it. SameSite is Lax for
// the session, so that following a link to a meeting arrives signed in, and Strict for the others, which no link ever
// needs.
func (s *Service) cookie(name, value string, life time.Duration, sameSite http.SameSite) *http.Cookie {
	age := int(life / time.Second)
	if age <= 0 {
		age = -1
	}
	return &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: age, HttpOnly: true, Secure: !s.cfg.Insecure, SameSite: sameSite,
	}
}

// oneCookie returns the value of the cookie of that name; ok is false if there is none or more than one: of two, one
// was planted, and which cannot be told.
func oneCookie(r *http.Request, name string) (value string, ok bool) {
	cookies := r.CookiesNamed(name)
	if len(cookies) != 1 {
		return "", false
	}
	return cookies[0].Value, true
}

// Authenticate says who makes a request: by `Authorization: Bearer`, else by the session cookie. A request with a bad
// bearer token is not looked at for a cookie. It counts as activity. It returns ErrUnauthenticated and nothing else.
func (s *Service) Authenticate(r *http.Request) (Identity, error) {
	if values := r.Header.Values("Authorization"); len(values) > 0 {
		scheme, bearer, ok := strings.Cut(values[0], " ")
		if !ok || len(values) != 1 || !strings.EqualFold(scheme, "Bearer") || len(bearer) > maxBearer {
			return Identity{}, ErrUnauthenticated
		}
		if id, isBot := s.bots[sha256.Sum256([]byte(bearer))]; isBot {
			return Identity{Session: id, Bot: true, CanHost: true, MayAttack: s.cfg.BotAttacks,
				ExpiresAt: s.deps.Now().Add(s.cfg.SessionTTL)}, nil
		}
		return s.bySessionToken(bearer)
	}
	value, ok := oneCookie(r, s.sessionCookieName())
	if !ok {
		return Identity{}, ErrUnauthenticated
	}
	return s.bySessionToken(value)
}

func (s *Service) bySessionToken(value string) (Identity, error) {
	t, ok := parseToken(value)
	if !ok {
		return Identity{}, ErrUnauthenticated
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ses := s.sessions.lookup(s.deps.Now(), t)
	if ses == nil {
		return Identity{}, ErrUnauthenticated
	}
	return s.identity(ses), nil
}
