package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
)

func parseImage(repository, id string) image {
	return image{repository, digest.Digest(id)}
}

// Everything stored is listed, with tags, parts, age and the manifests of an index.
func TestContents(t *testing.T) {
	f := start(t, 1<<20, 10)
	if got := f.contents(); len(got.Manifests) != 0 || got.Limit != 1<<20 {
		t.Error(got)
	}
	single := f.push("shop/app", "v1", []byte("layer"))
	f.pushManifest("shop/app", "v2", manifestType, []byte(f.send("GET", "/v2/shop/app/manifests/v1", nil, "Accept: "+manifestType).body))
	child := f.push("shop/both", "", []byte("other layer"))
	index := f.pushIndex("shop/both", "all", child)
	f.grow(2 * time.Hour)
	f.push("shop/young", "", []byte("new layer"))
	found := map[string]stored{}
	for _, item := range f.contents().Manifests {
		found[item.Repository+"@"+item.Digest.String()] = item
	}
	if len(found) != 4 {
		t.Fatal(found)
	}
	if got := found["shop/app@"+single]; strings.Join(got.Tags, " ") != "v1 v2" || len(got.Blobs) != 2 || got.Blobs[1].Size != 5 || got.Age < 7200 {
		t.Error(got)
	}
	if got := found["shop/both@"+index]; len(got.Manifests) != 1 || got.Manifests[0].String() != child || len(got.Blobs) != 0 {
		t.Error(got)
	}
}

// A long list comes in pages.
func TestPages(t *testing.T) {
	all := []stored{}
	for number := range 2*pageLength + 1 {
		all = append(all, stored{Repository: fmt.Sprintf("app%d", number%3), Digest: digest.FromString(fmt.Sprint(number))})
	}
	seen, pages := map[string]bool{}, 0
	for after := ""; pages == 0 || after != ""; pages++ {
		var part []stored
		part, after = page(all, after)
		for _, item := range part {
			seen[item.name()] = true
		}
	}
	if len(seen) != len(all) || pages != 3 {
		t.Errorf("%d of %d in %d pages", len(seen), len(all), pages)
	}
	if rest, next := page([]stored{{Repository: "b", Digest: "x"}}, "a@gone"); len(rest) != 1 || next != "" {
		t.Error(rest, next)
	}
}

// A collection deletes the images that it names, with tags and what only they need; everything else can still be pulled.
func TestCollect(t *testing.T) {
	f := start(t, 1<<20, 10)
	shared, own := bytes.Repeat([]byte("s"), 3000), bytes.Repeat([]byte("o"), 5000)
	unused := f.push("shop/app", "v1", own)
	f.push("shop/app", "v2", shared)
	f.push("shop/web", "v1", shared)
	orphan := f.upload("shop/web", bytes.Repeat([]byte("x"), 2000))
	f.grow(2 * time.Hour)
	before := f.onDisk()
	result := f.collect(3600, "shop/app@"+unused)
	if len(result.Deleted) != 1 || len(result.Kept) != 0 || result.Freed != before-f.onDisk() || result.Freed < 7000 || result.Used != f.onDisk() {
		t.Error(result, before, f.onDisk())
	}
	if f.pulls("shop/app", unused) || f.pulls("shop/app", "v1") || !f.pulls("shop/app", "v2") || !f.pulls("shop/web", "v1") {
		t.Error("the wrong images are gone")
	}
	for _, gone := range []string{digestOf(own), orphan} {
		f.want(f.send("HEAD", "/v2/shop/web/blobs/"+gone, nil), 404, "")
	}
	// Nothing remembers what is gone: a push sends it again.
	if again := f.push("shop/app", "v1", own); again != unused || !f.pulls("shop/app", "v1") {
		t.Error("the image cannot be pushed again")
	}
	if again := f.collect(0, "shop/app@"+digestOf([]byte("never there")), "no/such@"+unused); len(again.Kept) != 0 {
		t.Error(again)
	}
}

// What was pushed, mounted or asked for lately stays, although no manifest names it yet.
func TestYoungBlobsAreKept(t *testing.T) {
	f := start(t, 1<<20, 10)
	old := f.upload("app", []byte("old"))
	asked := f.upload("app", []byte("asked for"))
	mounted := f.upload("app", []byte("mounted"))
	again := f.upload("app", []byte("sent again"))
	image := f.push("app", "v1", []byte("layer"))
	f.grow(2 * time.Hour)
	young := f.upload("app", []byte("young"))
	f.upload("app", []byte("sent again"))
	f.want(f.send("HEAD", "/v2/app/blobs/"+asked, nil), 200, "")
	f.want(f.send("POST", "/v2/web/blobs/uploads/?from=app&mount="+mounted, nil), 201, "")
	f.want(f.send("HEAD", "/v2/app/manifests/v1", nil, "Accept: "+manifestType), 200, "")
	if result := f.collect(3600, "app@"+image); len(result.Kept) != 1 || len(result.Deleted) != 0 {
		t.Error(result)
	}
	for _, kept := range []string{"app/blobs/" + asked, "web/blobs/" + mounted, "app/blobs/" + young, "app/blobs/" + again} {
		f.want(f.send("HEAD", "/v2/"+kept, nil), 200, "")
	}
	f.want(f.send("HEAD", "/v2/app/blobs/"+old, nil), 404, "")
	if !f.pulls("app", "v1") {
		t.Error("the image is gone")
	}
}

// A manifest stays as long as an index that names it, and both can go at once.
func TestIndexes(t *testing.T) {
	f := start(t, 1<<20, 10)
	child := f.push("app", "", []byte("layer"))
	index := f.pushIndex("app", "all", child)
	if result := f.collect(0, "app@"+child); len(result.Kept) != 1 || !f.pulls("app", child) {
		t.Error(result)
	}
	if result := f.collect(0, "app@"+index, "app@"+child); len(result.Deleted) != 2 || len(f.contents().Manifests) != 0 {
		t.Error(result)
	}
}

// A manifest that cannot be read is listed with the reason, and can be deleted.
func TestDamagedManifest(t *testing.T) {
	f := start(t, 1<<20, 10)
	id := f.push("app", "v1", []byte("layer"))
	parsed := digest.Digest(id)
	if err := os.WriteFile(filepath.Join(f.folder, "data", blobPath(parsed), "data"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := f.contents().Manifests; len(got) != 1 || got[0].Problem == "" {
		t.Error(got)
	}
	if result := f.collect(0, "app@"+id); len(result.Deleted) != 1 || len(f.contents().Manifests) != 0 {
		t.Error(result)
	}
}

// Wrong requests get one sentence, and delete nothing.
func TestWrongCollections(t *testing.T) {
	f := start(t, 1<<20, 10)
	for _, body := range []string{"", "[]", `{"other": 1}`, `{"olderThan": -1}`, `{"olderThan": 9223372036854775807}`, `{"manifests": "x"}`} {
		f.want(f.send("POST", collectPath, []byte(body)), 400, "the request is not")
	}
	f.want(f.send("POST", collectPath, []byte(`{"manifests": [{"repository": "../x", "digest": "sha256:../../x"}]}`)), 400, "is not a digest")
	f.want(f.send("POST", collectPath, []byte(`{"manifests": [{"repository": "../x", "digest": "`+digestOf(nil)+`"}]}`)), 500, "cannot delete ../x@")
	f.want(f.send("GET", collectPath, nil), 405, "use POST")
	f.want(f.send("POST", contentsPath, nil), 405, "use GET")
}
