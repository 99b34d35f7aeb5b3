package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
)

const (
	password     = "correct horse"
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	indexType    = "application/vnd.oci.image.index.v1+json"
)

func TestMain(m *testing.M) {
	logrus.SetLevel(logrus.FatalLevel) // tests cause many errors
	os.Exit(m.Run())
}

// fixture is a registry that serves on loopback.
type fixture struct {
	t         *testing.T
	url       string
	folder    string
	handler   http.Handler
	collector *collector
}

// start starts a registry with a limit of bytes and of uploads.
func start(t *testing.T, limit int64, uploads int) *fixture {
	t.Helper()
	folder := t.TempDir()
	secret := filepath.Join(folder, "password")
	if err := os.WriteFile(secret, []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	handler, collector, err := newServer(context.Background(), options{
		storage: filepath.Join(folder, "data"), limit: limit, password: secret, names: []string{"registry.registry.svc"}, uploadAge: time.Hour, uploadCount: uploads,
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return &fixture{t, server.URL, folder, handler, collector}
}

// reply is an answer with its body.
type reply struct {
	status int
	header http.Header
	body   string
}

// send sends a request with the login and returns the answer. Further headers are "Name: value"; "Authorization: " removes the login.
func (f *fixture) send(method, path string, body []byte, headers ...string) reply {
	f.t.Helper()
	return f.stream(method, path, bytes.NewReader(body), headers...)
}

// stream is send with a body; one that is not a bytes.Reader has no length.
func (f *fixture) stream(method, path string, body io.Reader, headers ...string) reply {
	f.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = f.url + path
	}
	request, err := http.NewRequest(method, path, body)
	if err != nil {
		f.t.Fatal(err)
	}
	request.SetBasicAuth(userName, password)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		if name == "Host" {
			request.Host = value
		} else if request.Header.Set(name, value); value == "" {
			request.Header.Del(name)
		}
	}
	got, err := http.DefaultClient.Do(request)
	if err != nil {
		f.t.Fatal(err)
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return reply{got.StatusCode, got.Header, string(text)}
}

// want fails the test unless the answer has a status, and its body a text.
func (f *fixture) want(got reply, status int, text string) reply {
	f.t.Helper()
	if got.status != status || !strings.Contains(got.body, text) {
		f.t.Fatalf("got %d %s, want %d %s", got.status, got.body, status, text)
	}
	return got
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// begin starts an upload and returns where it goes.
func (f *fixture) begin(repository string) string {
	f.t.Helper()
	location := f.want(f.send("POST", "/v2/"+repository+"/blobs/uploads/", nil), 202, "").header.Get("Location")
	return location
}

// upload stores a blob and returns its digest.
func (f *fixture) upload(repository string, data []byte) string {
	f.t.Helper()
	f.want(f.send("PUT", f.begin(repository)+"&digest="+digestOf(data), data), 201, "")
	return digestOf(data)
}

// push stores an image with one layer and returns its digest.
func (f *fixture) push(repository, tag string, layer []byte) string {
	f.t.Helper()
	config := []byte(`{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]}}`)
	manifest := fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":%q,"size":%d},`+
		`"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":%q,"size":%d}]}`,
		manifestType, f.upload(repository, config), len(config), f.upload(repository, layer), len(layer))
	return f.pushManifest(repository, tag, manifestType, manifest)
}

func (f *fixture) pushManifest(repository, tag, mediaType string, manifest []byte) string {
	f.t.Helper()
	name := digestOf(manifest)
	if tag != "" {
		name = tag
	}
	f.want(f.send("PUT", "/v2/"+repository+"/manifests/"+name, manifest, "Content-Type: "+mediaType), 201, "")
	return digestOf(manifest)
}

// pushIndex stores an index of manifests.
func (f *fixture) pushIndex(repository, tag string, manifests ...string) string {
	f.t.Helper()
	parts := []string{}
	for _, digest := range manifests {
		parts = append(parts, fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":1,"platform":{"os":"linux","architecture":"amd64"}}`, manifestType, digest))
	}
	index := fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"manifests":[%s]}`, indexType, strings.Join(parts, ","))
	return f.pushManifest(repository, tag, indexType, index)
}

// pulls returns whether a client without a login gets a manifest.
func (f *fixture) pulls(repository, name string) bool {
	f.t.Helper()
	got := f.send("GET", "/v2/"+repository+"/manifests/"+name, nil, "Authorization: ", "Accept: "+manifestType+", "+indexType)
	return got.status == 200
}

// collect deletes images, given as REPOSITORY@DIGEST, that are older than some seconds.
func (f *fixture) collect(olderThan int64, images ...string) collected {
	f.t.Helper()
	request := collection{Manifests: []image{}, OlderThan: olderThan}
	for _, text := range images {
		repository, id, _ := strings.Cut(text, "@")
		request.Manifests = append(request.Manifests, parseImage(repository, id))
	}
	body, _ := json.Marshal(request)
	var result collected
	if err := json.Unmarshal([]byte(f.want(f.send("POST", collectPath, body), 200, "").body), &result); err != nil {
		f.t.Fatal(err)
	}
	return result
}

// contents returns what the registry says that it has.
func (f *fixture) contents() contents {
	f.t.Helper()
	var result contents
	if err := json.Unmarshal([]byte(f.want(f.send("GET", contentsPath, nil), 200, "").body), &result); err != nil {
		f.t.Fatal(err)
	}
	return result
}

// onDisk returns the bytes of all files.
func (f *fixture) onDisk() int64 {
	f.t.Helper()
	total := int64(0)
	err := filepath.Walk(filepath.Join(f.folder, "data"), func(_ string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			total += info.Size()
		}
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return total
}

// grow makes everything stored look older.
func (f *fixture) grow(age time.Duration) {
	f.t.Helper()
	then := time.Now().Add(-age)
	err := filepath.Walk(filepath.Join(f.folder, "data"), func(path string, _ os.FileInfo, err error) error {
		if err == nil {
			err = os.Chtimes(path, then, then)
		}
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
}
