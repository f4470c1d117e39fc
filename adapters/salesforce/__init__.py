"""Salesforce as the CRM: accounts are customers, contracts are the terms behind subscriptions."""
