"""The embedded S3: moto's storage in memory, behind a gate that refuses what real S3 refuses.

Stops: code that only works because a fake S3 believes everybody. moto alone takes a wrong secret,
an expired presigned URL, any POST policy and a wrong checksum; here each is refused with the error
code real S3 gives it, so that a mistake shows before production does.
Does not stop: anything in production. It is a development dependency, keeps objects in memory
only, and binds to a loopback address only.
Left out on purpose, answered with 501: multipart uploads, copies, ACLs, tags, versions, bucket
configuration, signed streaming chunks (boto3 sends none).
Standard: AWS Signature Version 4 and "Browser-based uploads using POST", Amazon S3 API reference.
"""
