// Security contexts: Kubernetes' "restricted" pod security standard, and the
// read-only root file system in addition. Merge over it to relax one field:
//   securityContext: {readOnlyRootFilesystem: false}
local nonRoot = 65532;

{
  // The user and group ID that images run as by default.
  nonRootId:: nonRoot,

  // For a pod: a numeric non-root user, volumes writable by its group,
  // the container runtime's default seccomp profile.
  pod:: {
    runAsNonRoot: true,
    runAsUser: nonRoot,
    runAsGroup: nonRoot,
    fsGroup: nonRoot,
    fsGroupChangePolicy: 'OnRootMismatch',
    seccompProfile: { type: 'RuntimeDefault' },
  },

  // For a container: no privilege escalation, no capabilities, a read-only root file system.
  container:: {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    readOnlyRootFilesystem: true,
  },
}
