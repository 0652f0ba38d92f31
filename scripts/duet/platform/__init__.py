"""Beyond one machine: Slurm, S3, the cloud. What it needs is optional (requirements-platform.txt).

aws          the only module that imports boto3: clients, and what their errors mean, in one line
storage      objects in S3: sent and brought, with their digests
publishing   a finished campaign to S3, visible at once and whole, and back
cloud_file   what to start: the file of ./duetbench cloud, checked
instances    instances that measure a campaign and end themselves
hosts        results of other machines, by rsync and ssh
slurm        the queue and the nodes of a cluster, by Slurm's own commands
"""
