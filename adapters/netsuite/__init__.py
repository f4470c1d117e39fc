"""NetSuite, playing ERP: every read is a SuiteQL query over the SuiteTalk REST API."""
