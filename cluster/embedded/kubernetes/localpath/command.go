// Package localpath creates PersistentVolumes from directories on the nodes of
// an embedded cluster. The volumes of every node are in one root folder that the
// provisioner can access: ROOT/NODE/VOLUME.
package localpath

import (
	"fmt"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v10/controller"
)

// ProvisionerName is the provisioner of a StorageClass that gets volumes from here.
const ProvisionerName = "turnup/local-path"

// oldName is the provisioner's name in classes and volumes of older versions.
const oldName = "turnup.dev/local-path"

// NewCommand returns the command that watches claims and creates volumes for
// them until it is told to stop.
func NewCommand() *cobra.Command {
	var kubeconfig, root string
	command := &cobra.Command{
		Use:          "local-path-provisioner",
		Short:        "Creates volumes from directories on the nodes",
		Args:         cobra.NoArgs,
		SilenceUsage: true,
		RunE: func(command *cobra.Command, _ []string) error {
			config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
			if err != nil {
				return fmt.Errorf("kubeconfig %s: %w", kubeconfig, err)
			}
			client, err := kubernetes.NewForConfig(config)
			if err != nil {
				return fmt.Errorf("client for %s: %w", config.Host, err)
			}
			ctx, stop := signal.NotifyContext(command.Context(), syscall.SIGTERM, syscall.SIGINT)
			defer stop()
			// Only one provisioner runs per cluster, beside the API server,
			// so it needs no leader election.
			controller.NewProvisionController(
				klog.FromContext(ctx), client, ProvisionerName,
				&Provisioner{Root: root}, controller.LeaderElection(false),
				controller.AdditionalProvisionerNames([]string{oldName}),
			).Run(ctx)
			return nil
		},
	}
	command.Flags().StringVar(&kubeconfig, "kubeconfig", "", "file with the API server's address and this program's credentials")
	command.Flags().StringVar(&root, "root", "", "folder that has one folder of volumes per node")
	for _, flag := range []string{"kubeconfig", "root"} {
		if err := command.MarkFlagRequired(flag); err != nil {
			panic(err) // only if the flag's name is misspelled above
		}
	}
	return command
}
