package netlab

import "testing"

func TestParseSent(t *testing.T) {
	out := `[{"ifname":"host1","stats64":{"rx":{"bytes":1,"packets":2},"tx":{"bytes":90,"packets":7,"errors":0}}}]`
	if n, err := parseSent([]byte(out)); err != nil || n != 7 {
		t.Errorf("%d, %v", n, err)
	}
	for _, bad := range []string{`[]`, `Device "host1" does not exist.`} {
		if _, err := parseSent([]byte(bad)); err == nil {
			t.Errorf("%s is no error", bad)
		}
	}
}

func TestParseQueue(t *testing.T) {
	out := `[{"kind":"tbf","handle":"8002:","root":true,"refcnt":2,` +
		`"options":{"rate":125000},"bytes":1234,"packets":7,"drops":2,"overlimits":0,"requeues":0,"backlog":560,"qlen":1}]`
	if q, err := parseQueue([]byte(out)); err != nil || q != (Queue{1234, 2, 560}) {
		t.Errorf("%+v, %v", q, err)
	}
	if q, err := parseQueue([]byte(`[{"kind":"noqueue"}]`)); err != nil || q != (Queue{}) {
		t.Errorf("without a limit: %+v, %v", q, err)
	}
	if _, err := parseQueue([]byte(`tc: no such device`)); err == nil {
		t.Error("nonsense is no error")
	}
}
