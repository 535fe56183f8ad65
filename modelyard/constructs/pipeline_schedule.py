"""Starts a pipeline by the clock."""

from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from modelyard.constructs.part import Part


class PipelineSchedule(Part):
    """An EventBridge schedule that starts executions of a SageMaker pipeline with its default parameters.

    Args:
        schedule_expression: `rate(…)` or `cron(…)`, in UTC.
        pipeline_arn: the pipeline.
        description: shown by EventBridge Scheduler.
    """

    def __init__(
        self, scope: Construct, id: str, *, schedule_expression: str, pipeline_arn: str, description: str
    ) -> None:
        super().__init__(scope, id)
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": self.stack.account}},
            ),
        )
        role.add_to_policy(iam.PolicyStatement(actions=["sagemaker:StartPipelineExecution"], resources=[pipeline_arn]))
        scheduler.CfnSchedule(
            self,
            "Schedule",
            description=description,
            schedule_expression=schedule_expression,
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=pipeline_arn,
                role_arn=role.role_arn,
                sage_maker_pipeline_parameters=scheduler.CfnSchedule.SageMakerPipelineParametersProperty(
                    pipeline_parameter_list=[]
                ),
            ),
        )
