"""What the delivery pipeline does between CodeBuild's and CloudFormation's actions."""
