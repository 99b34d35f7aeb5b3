package localpath

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "k8s.io/api/core/v1"
	storage "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v10/controller"
)

// request is a well-formed claim for node-1; tests change one thing in it.
func request() controller.ProvisionOptions {
	policy := v1.PersistentVolumeReclaimDelete
	return controller.ProvisionOptions{
		PVName:       "pvc-1",
		StorageClass: &storage.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "local-path"}, ReclaimPolicy: &policy},
		SelectedNode: &v1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-1"}},
		PVC: &v1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "data"},
			Spec: v1.PersistentVolumeClaimSpec{
				AccessModes: []v1.PersistentVolumeAccessMode{v1.ReadWriteOnce},
				Resources:   v1.VolumeResourceRequirements{Requests: v1.ResourceList{v1.ResourceStorage: resource.MustParse("1Gi")}},
			},
		},
	}
}

// TestProvision checks the new directory and its volume.
func TestProvision(t *testing.T) {
	provisioner := &Provisioner{Root: t.TempDir()}
	volume, state, err := provisioner.Provision(context.Background(), request())
	if err != nil || state != controller.ProvisioningFinished {
		t.Fatalf("Provision: %v, %v", state, err)
	}
	path := filepath.Join(provisioner.Root, "node-1", "pvc-1")
	if volume.Spec.Local.Path != path {
		t.Errorf("path is %s, not %s", volume.Spec.Local.Path, path)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o777 {
		t.Errorf("directory: %v, %v", info, err)
	}
	affinity := volume.Spec.NodeAffinity.Required.NodeSelectorTerms[0].MatchExpressions[0]
	if affinity.Key != v1.LabelHostname || affinity.Values[0] != "node-1" {
		t.Errorf("affinity is %v", affinity)
	}
	if size := volume.Spec.Capacity[v1.ResourceStorage]; size.String() != "1Gi" {
		t.Errorf("capacity is %s", size.String())
	}
}

// TestProvisionRefuses checks that the error for an unsupported claim has the reason.
func TestProvisionRefuses(t *testing.T) {
	block := v1.PersistentVolumeBlock
	for reason, change := range map[string]func(*controller.ProvisionOptions){
		"WaitForFirstConsumer": func(o *controller.ProvisionOptions) { o.SelectedNode = nil },
		"volumeMode Block":     func(o *controller.ProvisionOptions) { o.PVC.Spec.VolumeMode = &block },
		"access mode ReadWriteMany": func(o *controller.ProvisionOptions) {
			o.PVC.Spec.AccessModes = []v1.PersistentVolumeAccessMode{v1.ReadWriteMany}
		},
		"selector":                func(o *controller.ProvisionOptions) { o.PVC.Spec.Selector = &metav1.LabelSelector{} },
		"not a valid folder name": func(o *controller.ProvisionOptions) { o.PVName = "../other" },
	} {
		options := request()
		change(&options)
		if _, _, err := (&Provisioner{Root: t.TempDir()}).Provision(context.Background(), options); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("want an error with %q, got %v", reason, err)
		}
	}
}

// TestDelete checks that a volume's directory is removed with its data, and that a second time is not an error.
func TestDelete(t *testing.T) {
	provisioner := &Provisioner{Root: t.TempDir()}
	volume, _, err := provisioner.Provision(context.Background(), request())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(volume.Spec.Local.Path, "content"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := provisioner.Delete(context.Background(), volume); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(volume.Spec.Local.Path); !os.IsNotExist(err) {
		t.Errorf("the directory is still there: %v", err)
	}
}

// TestDeleteRefuses checks that a volume can't name another directory.
func TestDeleteRefuses(t *testing.T) {
	other := t.TempDir()
	provisioner := &Provisioner{Root: t.TempDir()}
	for _, source := range []v1.PersistentVolumeSource{
		{Local: &v1.LocalVolumeSource{Path: other}},
		{Local: &v1.LocalVolumeSource{Path: provisioner.Root}},
		{HostPath: &v1.HostPathVolumeSource{Path: other}},
	} {
		volume := &v1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "pvc-1"}, Spec: v1.PersistentVolumeSpec{PersistentVolumeSource: source}}
		if err := provisioner.Delete(context.Background(), volume); err == nil {
			t.Errorf("%v was deleted", source)
		}
	}
	for _, folder := range []string{other, provisioner.Root} {
		if _, err := os.Stat(folder); err != nil {
			t.Errorf("%s is gone: %v", folder, err)
		}
	}
}
