package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// The counted bytes are those on the disk, whatever was stored, stored twice, cancelled, deleted or refused.
func TestBytesAreCounted(t *testing.T) {
	f := start(t, 1<<20, 10)
	check := func(what string) {
		t.Helper()
		if got, want := f.collector.storage.usage().bytes, f.onDisk(); got != want {
			t.Fatalf("%s: %d are counted, %d are stored", what, got, want)
		}
	}
	f.push("shop/app", "v1", bytes.Repeat([]byte("a"), 1000))
	check("a push")
	f.push("shop/app", "v1", bytes.Repeat([]byte("b"), 2000))
	check("a push with the same tag")
	f.push("shop/app", "v1", bytes.Repeat([]byte("b"), 2000))
	check("a repeated push")
	location := f.want(f.send("PATCH", f.begin("shop/app"), make([]byte, 5000)), 202, "").header.Get("Location")
	check("an unfinished upload")
	if used := f.collector.storage.usage(); used.uploads != 1 || used.uploadBytes < 5000 {
		t.Error(used)
	}
	f.want(f.send("DELETE", location, nil), 204, "")
	check("a cancelled upload")
	f.want(f.send("PUT", f.begin("shop/app")+"&digest="+digestOf([]byte("other")), make([]byte, 3000)), 400, "DIGEST_INVALID")
	check("an upload with a wrong digest")
	f.want(f.send("DELETE", "/v2/shop/app/manifests/v1", nil), 202, "")
	check("a deleted tag")
	if used := f.collector.storage.usage(); used.uploads != 0 || used.uploadBytes != 0 {
		t.Error(used)
	}
	again, _, err := newServer(t.Context(), options{storage: filepath.Join(f.folder, "data"), limit: 1 << 20, uploadCount: 1})
	if err != nil {
		t.Fatal(err)
	}
	if got := again.(*guard).storage.usage(); got != f.collector.storage.usage() {
		t.Error("after a restart", got, f.collector.storage.usage())
	}
}

// What exceeds the limit is refused with the reason and the command that helps, and the rest goes on.
func TestFullStorage(t *testing.T) {
	const reason = "'turnup registry gc' lists the images that nothing uses"
	f := start(t, 100_000, 10)
	f.push("app", "v1", make([]byte, 40_000))
	// With a length it is refused before it is sent, without one in the middle.
	f.want(f.send("PUT", f.begin("app")+"&digest="+digestOf(make([]byte, 60_001)), make([]byte, 60_001)), 507, reason)
	before := f.collector.storage.usage()
	for _, method := range []string{"PUT", "PATCH"} {
		location := f.begin("app")
		f.want(f.stream(method, location+"&digest="+digestOf(make([]byte, 60_001)), io.MultiReader(bytes.NewReader(make([]byte, 60_001)))), 507, reason)
		// Nothing of it stays.
		f.want(f.send("GET", location, nil), 404, "BLOB_UPLOAD_UNKNOWN")
		if got := f.collector.storage.usage(); got != before {
			t.Errorf("%s: %v, before %v", method, got, before)
		}
	}
	f.push("app", "v2", []byte("small"))
	f.want(f.send("PUT", "/v2/app/manifests/v3", make([]byte, 60_001), "Content-Type: "+manifestType), 507, reason)
	if !f.pulls("app", "v1") || !f.pulls("app", "v2") {
		t.Error("an image cannot be pulled")
	}
	f.collector.storage.limits.bytes = f.collector.storage.usage().bytes
	f.want(f.send("POST", "/v2/app/blobs/uploads/", nil), 507, reason)
	f.want(f.send("DELETE", "/v2/app/manifests/v2", nil), 202, "")
}

// Unfinished uploads are few, may not have everything, and are removed when they are old.
func TestUnfinishedUploadsExpire(t *testing.T) {
	f := start(t, 100_000, 3)
	first := f.begin("app")
	f.want(f.send("PATCH", first, make([]byte, 60_000)), 202, "")
	second := f.begin("app")
	f.want(f.send("PATCH", second, make([]byte, 20_000)), 429, "unfinished uploads")
	f.begin("app")
	f.begin("app")
	got := f.want(f.send("POST", "/v2/app/blobs/uploads/", nil), 429, "3, the most that may be open")
	if got.header.Get("Retry-After") != retrySeconds {
		t.Error(got.header)
	}
	f.collector.expire(t.Context(), time.Hour)
	if got := f.collector.storage.usage().uploads; got != 3 {
		t.Errorf("%d uploads after young ones expired", got)
	}
	time.Sleep(1100 * time.Millisecond) // they begin at a whole second
	f.collector.expire(t.Context(), time.Millisecond)
	if got := f.collector.storage.usage(); got.uploads != 0 || got.uploadBytes != 0 || got.bytes != f.onDisk() {
		t.Error(got, f.onDisk())
	}
	f.push("app", "v1", []byte("layer"))
}

// A folder that cannot be read ends the start with its name.
func TestStorageThatIsAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := newServer(t.Context(), options{storage: file, limit: 1, uploadCount: 1}); err == nil {
		t.Error("a file is accepted as the storage")
	}
}
