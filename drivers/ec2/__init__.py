"""The EC2 driver: EBS snapshots through boto3."""
