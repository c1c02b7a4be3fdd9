package group

// Recorders and bots outside the group (docs/e2ee2.md, section 14).

// consented takes what a member says of a bot.
func (s *Session) consented(key Key, body []byte) {
	if len(body) != 1+keySize && len(body) != 1 || body[0] > 1 {
		return
	}
	n := Notice{Kind: NoticeConsent, From: key, On: body[0] == 1}
	if len(body) > 1 {
		n.Bot = Key(body[1:])
	}
	s.notice(n)
}
