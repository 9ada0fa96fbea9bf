package safehttp_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/toolgrant/toolgrant/internal/safehttp"
)

func TestPrivateHostsAreToldFromPublicOnes(t *testing.T) {
	t.Parallel()
	for _, host := range []string{
		"localhost", "LOCALHOST.", "litellm", "gateway.svc", "gateway.ai.svc.cluster.local", "host.docker.internal", "box.lan", "a.home.arpa",
		"127.0.0.1", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1",
		"::1", "::", "fd00::1", "fe80::1", "::ffff:10.0.0.1", "",
	} {
		assert.True(t, safehttp.IsPrivate(host), host)
	}
	for _, host := range []string{"api.openai.com", "gateway.example.com", "localhost.example.com", "8.8.8.8", "2606:4700::1111", "1.1.1.1"} {
		assert.False(t, safehttp.IsPrivate(host), host)
	}
}
