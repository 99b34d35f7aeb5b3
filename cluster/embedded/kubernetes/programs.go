package main

import (
	"context"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"

	"turnup/cluster/embedded/kubernetes/localpath"
	"turnup/cluster/embedded/kubernetes/multicall"

	// These packages register log formats, metrics and credential plugins.
	_ "k8s.io/client-go/plugin/pkg/client/auth"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
)

// programs is the table for both the dispatch and the usage text.
func programs() []multicall.Program {
	return []multicall.Program{
		{"kube-apiserver", "serves the Kubernetes API", server(apiserver.NewAPIServerCommand)},
		{"kube-controller-manager", "runs the controllers", server(controllermanager.NewControllerManagerCommand)},
		{"kube-proxy", "routes Service addresses on a node", server(proxy.NewProxyCommand)},
		{"kube-scheduler", "assigns pods to nodes", server(func() *cobra.Command { return scheduler.NewSchedulerCommand() })},
		{"kubectl", "controls a cluster from the command line", runKubectl},
		{"kubelet", "runs the pods of a node", server(func() *cobra.Command {
			return kubelet.NewKubeletCommand(context.Background())
		})},
		{"local-path-provisioner", "creates volumes from directories on the nodes", server(localpath.NewCommand)},
	}
}

// server adapts a command constructor to Program.Run. It constructs the command
// only when it runs, because constructing all of them would slow every start.
func server(construct func() *cobra.Command) func() int {
	return func() int { return cli.Run(construct()) }
}

func runKubectl() int {
	if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
		// CheckErr knows kubectl's own error kinds and their exit codes.
		kubectlutil.CheckErr(err)
		return 1
	}
	return 0
}
