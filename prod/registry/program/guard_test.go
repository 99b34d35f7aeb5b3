package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every request that writes, and every path of this program, needs the login; reads of images need none.
func TestWritesNeedTheLogin(t *testing.T) {
	f := start(t, 1<<20, 10)
	digest := f.push("shop/app", "v1", []byte("layer"))
	upload := f.begin("shop/app")
	for _, login := range []string{"", "Basic dHVybnVwOndyb25n", "Bearer x", "Basic !", "Basic dHVybnVwOg=="} {
		for _, request := range []string{
			"POST /v2/shop/app/blobs/uploads/", "PUT /v2/shop/app/manifests/v2", "DELETE /v2/shop/app/manifests/" + digest, "PATCH " + upload,
			"PUT " + upload, "DELETE " + upload, "GET " + upload, "POST /v2/", "GET /v2/", "POST /nowhere", "PROPFIND /v2/shop/app/tags/list",
			"POST //v2/shop/app/blobs/uploads/", "POST /v2/shop/../shop/app/blobs/uploads/", "POST /v2/shop%2fapp/blobs/uploads/",
			"GET " + contentsPath, "POST " + collectPath, "OPTIONS " + collectPath,
		} {
			method, path, _ := strings.Cut(request, " ")
			got := f.want(f.send(method, path, nil, "Authorization: "+login), 401, "Secret registry-credentials in namespace registry")
			if !strings.HasPrefix(got.header.Get("WWW-Authenticate"), "Basic realm=") || strings.Contains(got.body, password) {
				t.Errorf("%s: %v %s", request, got.header, got.body)
			}
		}
	}
	for _, path := range []string{"/", "/v2/_catalog", "/v2/shop/app/tags/list", "/v2/shop/app/manifests/v1", "/v2/shop/app/blobs/" + digestOf([]byte("layer"))} {
		f.want(f.send("GET", path, nil, "Authorization: ", "Accept: "+manifestType), 200, "")
	}
	f.want(f.send("GET", "/v2/", nil), 200, "")
	f.want(f.send("GET", "/v2/", nil, "Authorization: Basic dHVybnVwOndyb25n"), 401, "the login is wrong")
	if f.contents().Uploads != 1 {
		t.Error("a refused request changed something")
	}
}

// A new password is valid at once, and the former one is not; without a password nobody can push.
func TestPasswordIsReadAgain(t *testing.T) {
	f := start(t, 1<<20, 10)
	file := filepath.Join(f.folder, "password")
	for content, status := range map[string]int{"another": 401, "": 401, password: 202} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		f.want(f.send("POST", "/v2/app/blobs/uploads/", nil), status, "")
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	f.want(f.send("POST", "/v2/app/blobs/uploads/", nil), 401, "UNAUTHORIZED")
	f.want(f.send("GET", "/v2/_catalog", nil, "Authorization: "), 200, "")
}

// A web page that resolves its own name to the registry gets nothing, and a page of any origin cannot write.
func TestWebPagesAreRefused(t *testing.T) {
	f := start(t, 1<<20, 10)
	for _, host := range []string{"evil.example", "evil.example:31000", "127.0.0.1.evil.example", "registry.registry.svc.evil.example", "0x7f000001", "@127.0.0.1"} {
		f.want(f.send("GET", "/v2/_catalog", nil, "Host: "+host), 421, "is not a name of this registry")
		f.want(f.send("POST", "/v2/app/blobs/uploads/", nil, "Host: "+host), 421, "")
	}
	for _, host := range []string{"172.19.0.2:31000", "10.0.0.7", "[::1]:5000", "::1", "localhost:5000", "Registry.registry.SVC:5000", "registry.registry.svc."} {
		f.want(f.send("GET", "/v2/_catalog", nil, "Host: "+host), 200, "")
	}
	for _, origin := range []string{"http://evil.example", "null", f.url} {
		f.want(f.send("POST", "/v2/app/blobs/uploads/", nil, "Origin: "+origin), 403, "web pages")
	}
}

// While something is collected a write gets 503 with the time to wait, and a read is answered.
func TestWritesWaitForACollection(t *testing.T) {
	f := start(t, 1<<20, 10)
	release, err := f.collector.exclusive(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if got := f.want(f.send("POST", "/v2/app/blobs/uploads/", nil), 503, "deleting unused images"); got.header.Get("Retry-After") != retrySeconds {
		t.Error(got.header)
	}
	f.want(f.send("GET", "/v2/_catalog", nil), 200, "")
	release()
	f.begin("app")
}

// The command line names what is wrong.
func TestCommandLine(t *testing.T) {
	good := []string{"-storage=/data", "-limit=8Gi", "-password-file=/p", "-names=Registry,registry.registry"}
	got, err := parse(good, os.Stderr)
	if err != nil || got.limit != 8<<30 || strings.Join(got.names, " ") != "registry registry.registry" {
		t.Fatal(got, err)
	}
	for _, wrong := range []string{"-limit=8G", "-limit=0", "-limit=-1Gi", "-limit=9223372036854775807Ki", "-storage=", "-password-file=", "-uploads=0", "-upload-age=0s", "more"} {
		if _, err := parse(append(good[:4:4], wrong), os.Stderr); err == nil {
			t.Errorf("%s is accepted", wrong)
		}
	}
	if got := formatSize(3<<30 + 1<<29); got != "3.5 GiB" {
		t.Error(got)
	}
	if got := formatSize(12); got != "12 bytes" {
		t.Error(got)
	}
}
