package localpath

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v10/controller"
)

// Provisioner creates and removes the directories of volumes.
type Provisioner struct {
	// Root has one folder per node, with the node's name.
	Root string
}

// Provision creates an empty directory for a claim, on the node that the
// scheduler chose, and returns its volume.
func (p *Provisioner) Provision(_ context.Context, options controller.ProvisionOptions) (*v1.PersistentVolume, controller.ProvisioningState, error) {
	claim := options.PVC
	if err := checkClaim(claim); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	if options.SelectedNode == nil {
		return nil, controller.ProvisioningFinished, fmt.Errorf(
			"storage class %s must have volumeBindingMode WaitForFirstConsumer, because a directory is on one node", options.StorageClass.Name)
	}
	node := options.SelectedNode.Name
	path, err := p.path(node, options.PVName)
	if err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	if err := makeVolume(path); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	mode := v1.PersistentVolumeFilesystem
	return &v1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: options.PVName},
		Spec: v1.PersistentVolumeSpec{
			PersistentVolumeReclaimPolicy: *options.StorageClass.ReclaimPolicy,
			AccessModes:                   claim.Spec.AccessModes,
			VolumeMode:                    &mode,
			Capacity:                      v1.ResourceList{v1.ResourceStorage: claim.Spec.Resources.Requests[v1.ResourceStorage]},
			PersistentVolumeSource:        v1.PersistentVolumeSource{Local: &v1.LocalVolumeSource{Path: path}},
			NodeAffinity:                  onNode(node),
		},
	}, controller.ProvisioningFinished, nil
}

// Delete removes a volume's directory with everything in it.
func (p *Provisioner) Delete(_ context.Context, volume *v1.PersistentVolume) error {
	if volume.Spec.Local == nil {
		return fmt.Errorf("volume %s has no local path, so this provisioner did not create it", volume.Name)
	}
	node := filepath.Base(filepath.Dir(volume.Spec.Local.Path))
	path, err := p.path(node, volume.Name)
	if err != nil {
		return err
	}
	// If somebody edited the volume's path, the data there may belong to something else.
	if path != filepath.Clean(volume.Spec.Local.Path) {
		return fmt.Errorf("volume %s is at %s, not at %s; remove it yourself", volume.Name, volume.Spec.Local.Path, path)
	}
	return os.RemoveAll(path)
}

// checkClaim returns an error for what a directory on one node can't provide.
func checkClaim(claim *v1.PersistentVolumeClaim) error {
	if mode := claim.Spec.VolumeMode; mode != nil && *mode != v1.PersistentVolumeFilesystem {
		return fmt.Errorf("claim %s/%s asks for volumeMode %s; only Filesystem is supported", claim.Namespace, claim.Name, *mode)
	}
	for _, mode := range claim.Spec.AccessModes {
		if mode != v1.ReadWriteOnce && mode != v1.ReadWriteOncePod {
			return fmt.Errorf("claim %s/%s asks for access mode %s; only ReadWriteOnce and ReadWriteOncePod are supported", claim.Namespace, claim.Name, mode)
		}
	}
	if claim.Spec.Selector != nil {
		return fmt.Errorf("claim %s/%s has a selector, but volumes are created on demand; remove the selector", claim.Namespace, claim.Name)
	}
	return nil
}

// path returns the directory of a node's volume. Both names must be single path elements.
func (p *Provisioner) path(node, volume string) (string, error) {
	for _, element := range []string{node, volume} {
		if element == "" || element == "." || element == ".." || filepath.Base(element) != element {
			return "", fmt.Errorf("%q is not a valid folder name", element)
		}
	}
	return filepath.Join(p.Root, node, volume), nil
}

// makeVolume creates the directory, writable for every user. Otherwise a pod
// without fsGroup could not use its own volume.
func makeVolume(path string) error {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	return os.Chmod(path, 0o777)
}

// onNode returns the affinity of a volume to the node that has its directory.
func onNode(name string) *v1.VolumeNodeAffinity {
	return &v1.VolumeNodeAffinity{Required: &v1.NodeSelector{NodeSelectorTerms: []v1.NodeSelectorTerm{{
		MatchExpressions: []v1.NodeSelectorRequirement{{
			Key:      v1.LabelHostname,
			Operator: v1.NodeSelectorOpIn,
			Values:   []string{name},
		}},
	}}}}
}
