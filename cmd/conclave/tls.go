package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"

	"conclave/config"
)

// acmeSeams are for a test with a certificate authority of its own. The zero value is what is served.
type acmeSeams struct {
	checkEvery time.Duration  // how often renewal is considered; 0: certmagic's ten minutes
	roots      *x509.CertPool // who vouches for the authority's own certificate; nil: the system's
}

// newTLS returns the TLS configuration of the main listener, nil for plain HTTP; and, with ACME, what answers HTTP-01
// challenges on the redirect server.
func (s *server) newTLS(ctx context.Context) (*tls.Config, func(http.Handler) http.Handler, error) {
	switch s.deployment.TLS {
	case config.TLSFiles:
		files, err := newCertificateFiles(s.cfg.TLSCert, s.cfg.TLSKey)
		if err != nil {
			return nil, nil, err
		}
		return &tls.Config{
			MinVersion: tls.VersionTLS12, GetCertificate: files.get, NextProtos: []string{"h2", "http/1.1"},
		}, nil, nil
	case config.TLSACME:
		return s.newACME(ctx)
	case config.NoTLS:
	}
	return nil, nil, nil
}

// newACME fetches and renews the certificate of the domain: by TLS-ALPN-01 inside our own listener, or by HTTP-01 on
// the redirect server.
func (s *server) newACME(ctx context.Context) (*tls.Config, func(http.Handler) http.Handler, error) {
	logger := zap.NewNop() // what matters arrives as an event, below, and through slog
	var magic *certmagic.Config
	cache := certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert:   func(certmagic.Certificate) (*certmagic.Config, error) { return magic, nil },
		RenewCheckInterval: s.cfg.acme.checkEvery,
		Logger:             logger,
	})
	magic = certmagic.New(cache, certmagic.Config{
		Storage: &certmagic.FileStorage{Path: s.cfg.DataDir},
		Logger:  logger,
		OnEvent: s.certificateEvent,
	})
	issuer := certmagic.NewACMEIssuer(magic, certmagic.ACMEIssuer{
		CA: s.cfg.ACMECA, Email: s.cfg.Admin, Agreed: true, Logger: logger,
		DisableHTTPChallenge: s.deployment.Redirect == "", TrustedRoots: s.cfg.acme.roots,
	})
	magic.Issuers = []certmagic.Issuer{issuer}
	ctx, s.stopCertificates = context.WithCancel(ctx)
	if err := magic.ManageAsync(ctx, []string{s.cfg.Domain}); err != nil {
		cache.Stop()
		return nil, nil, fmt.Errorf("certificate for domain: %w", err)
	}
	context.AfterFunc(ctx, cache.Stop)
	c := magic.TLSConfig()
	c.MinVersion = tls.VersionTLS12
	c.NextProtos = append([]string{"h2", "http/1.1"}, c.NextProtos...)
	return c, issuer.HTTPChallengeHandler, nil
}

// certificateEvent logs what becomes of a certificate. Events hold the domain, which is the operator's own name, and no
// user data.
func (s *server) certificateEvent(_ context.Context, event string, data map[string]any) error { // certmagic's
	switch event {
	case "cert_obtained":
		s.log.Info("certificate obtained")
	case "cert_failed":
		s.log.Error("certificate not obtained: does domain point here, and can ports 443 and 80 be reached from outside?",
			"error", data["error"])
	}
	return nil
}
