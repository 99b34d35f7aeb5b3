// Security contexts: Kubernetes' "restricted" pod security standard, and the
// read-only root file system on top of it. Loosen one point by merging over it:
//   securityContext: {readOnlyRootFilesystem: false}
local nonRoot = 65532;

{
  // The user and group that images run as unless they say otherwise.
  nonRootId:: nonRoot,

  // For a pod: numeric user that is not root, volumes writable by its group,
  // the container runtime's own system call filter.
  pod:: {
    runAsNonRoot: true,
    runAsUser: nonRoot,
    runAsGroup: nonRoot,
    fsGroup: nonRoot,
    fsGroupChangePolicy: 'OnRootMismatch',
    seccompProfile: { type: 'RuntimeDefault' },
  },

  // For a container: no way to gain rights, nothing written outside volumes.
  container:: {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    readOnlyRootFilesystem: true,
  },
}
